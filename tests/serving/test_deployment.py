"""`serving/deployment/`: each file is what its reader's published schema or message takes."""

import functools
import json
from importlib import resources

import jsonschema
import kubernetes_validate
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

import demo
from serving import config_command
from serving.api.app import METRICS_PATH
from serving.serve_command import settings
from tests.serving.deployment_files import COMPOSE, DEPLOYMENT, documents

KUBERNETES = "1.34"


def named(document):
    return f"{document['kind']}-{document['metadata']['name']}"


(KUSTOMIZATION,) = documents("kubernetes", "kustomization.yaml")
MANIFESTS = [one for file in KUSTOMIZATION["resources"] for one in documents("kubernetes", file)]
DEPLOYMENTS = [one for one in MANIFESTS if one["kind"] == "Deployment"]


def test_compose_is_by_the_compose_specification():
    schema = resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(schema.read_text()))


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_compose_reaches_nobody_else_and_writes_nothing_of_ours(service):
    told = COMPOSE["services"][service]
    assert all(port.startswith("127.0.0.1:") for port in told["ports"])
    for volume in told.get("volumes", []):
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            assert mode == ["ro"], target
            made_by_demo = source.startswith("../../")
            assert made_by_demo or (DEPLOYMENT / source).is_dir()


@pytest.mark.parametrize("manifest", MANIFESTS, ids=named)
def test_manifests_are_by_kubernetes_own_schemas(manifest):
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=named)
def test_a_pod_is_probed_and_can_write_to_no_model(deployment):
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} < set(container)
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["models"]["persistentVolumeClaim"]["readOnly"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["models"]["readOnly"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=named)
def test_service_scaler_and_budget_are_the_deployments(deployment):
    name = deployment["metadata"]["name"]
    found = {one["kind"]: one for one in MANIFESTS if one["metadata"]["name"] == name}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert {port["targetPort"] for port in found["Service"]["spec"]["ports"]} == {
        port["name"] for port in ports
    }
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": name,
    }
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_the_kustomization_names_every_manifest():
    there = {path.name for path in (DEPLOYMENT / "kubernetes").glob("*.yaml")}
    assert {*KUSTOMIZATION["resources"], "kustomization.yaml"} == there


KSERVE = {
    "ServingRuntime": {
        "annotations": dict,
        "supportedModelFormats": list,
        "protocolVersions": list,
        "containers": list,
        "volumes": list,
    },
    "predictor": {
        "minReplicas": int,
        "maxReplicas": int,
        "scaleMetric": str,
        "scaleTarget": int,
        "model": dict,
    },
    "model": {
        "runtime": str,
        "modelFormat": dict,
        "protocolVersion": str,
        "storageUri": str,
    },
}
"""Fields of KServe's published resource definitions that are used here, with their types."""


def check_fields(found, of):
    for name, value in found.items():
        assert type(value) is KSERVE[of][name], name


def test_the_serving_runtime_is_a_pod_that_kserve_can_complete():
    (runtime,) = documents("kserve", "serving-runtime.yaml")
    assert (runtime["apiVersion"], runtime["kind"]) == (
        "serving.kserve.io/v1alpha1",
        "ServingRuntime",
    )
    check_fields(runtime["spec"], "ServingRuntime")
    pod = {name: runtime["spec"][name] for name in ("containers", "volumes")}
    kubernetes_validate.validate(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod},
        KUBERNETES,
        strict=True,
    )
    assert runtime["spec"]["containers"][0]["name"] == "kserve-container"


def test_inference_services_ask_for_runtimes_that_there_are():
    (runtime,) = documents("kserve", "serving-runtime.yaml")
    ours, theirs = documents("kserve", "inference-service.yaml")
    for service in (ours, theirs):
        assert service["apiVersion"] == "serving.kserve.io/v1beta1"
        assert set(service["spec"]) == {"predictor"}
        check_fields(service["spec"]["predictor"], "predictor")
        check_fields(service["spec"]["predictor"]["model"], "model")
    model = ours["spec"]["predictor"]["model"]
    formats = [one["name"] for one in runtime["spec"]["supportedModelFormats"]]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"]["name"] in formats
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert theirs["spec"]["predictor"]["model"]["runtime"] == "kserve-tensorflow-serving"


@pytest.mark.parametrize(
    "container",
    [
        documents("kubernetes", "keras-serve.yaml")[0]["spec"]["template"]["spec"]["containers"][0],
        documents("kserve", "serving-runtime.yaml")[0]["spec"]["containers"][0],
    ],
    ids=["kubernetes", "kserve"],
)
def test_our_server_takes_the_flags_that_it_is_started_with(container):
    assert container["image"].startswith("keras-serve")
    taken = settings(container["args"])
    assert taken.host == "0.0.0.0"
    ports = {port["containerPort"] for port in container["ports"]}
    assert taken.rest_port in ports


def test_models_config_is_what_the_command_prints_for_the_demos_models(tmp_path, capsys):
    for one in demo.DEMOS:
        (tmp_path / one.name / "1").mkdir(parents=True)
    config_command.run([str(tmp_path), "--base", "/models"])
    first, *rest = (DEPLOYMENT / "tf_serving" / "models.config").read_text().splitlines()
    assert first.startswith("# What `keras-serve config models --base /models` prints")
    assert rest == capsys.readouterr().out.splitlines()


WRAPPERS = {"Int64Value": "int64", "BoolValue": "bool", "StringValue": "string"}
MESSAGES = {
    "PrometheusConfig": [("enable", 1, "bool"), ("path", 2, "string")],
    "MonitoringConfig": [("prometheus_config", 1, "PrometheusConfig")],
    "BatchingParameters": [
        ("max_batch_size", 1, "Int64Value"),
        ("batch_timeout_micros", 2, "Int64Value"),
        ("max_enqueued_batches", 3, "Int64Value"),
        ("num_batch_threads", 4, "Int64Value"),
        ("thread_pool_name", 5, "StringValue"),
        ("pad_variable_length_inputs", 7, "bool"),
        ("enable_large_batch_splitting", 8, "BoolValue"),
        ("max_execution_batch_size", 9, "Int64Value"),
    ],
}
"""Of TF Serving's config/monitoring_config.proto and session_bundle_config.proto, which its
package on PyPI leaves out."""


@functools.cache
def message(name):
    """From the name of one of TF Serving's messages to its class."""
    field = descriptor_pb2.FieldDescriptorProto
    scalars = {"bool": field.TYPE_BOOL, "string": field.TYPE_STRING, "int64": field.TYPE_INT64}
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", package="s", syntax="proto3")
    wrapped = {wrapper: [("value", 1, kind)] for wrapper, kind in WRAPPERS.items()}
    for told, fields in {**wrapped, **MESSAGES}.items():
        made = file.message_type.add(name=told)
        for label, number, kind in fields:
            made.field.add(
                name=label,
                number=number,
                label=field.LABEL_OPTIONAL,
                type=scalars.get(kind, field.TYPE_MESSAGE),
                type_name=None if kind in scalars else f".s.{kind}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"s.{name}"))


@pytest.mark.parametrize(
    ("file", "kind"),
    [("monitoring.config", "MonitoringConfig"), ("batching.config", "BatchingParameters")],
)
def test_tf_serving_reads_its_settings_the_same_in_both_places(file, kind):
    told = text_format.Parse((DEPLOYMENT / "tf_serving" / file).read_text(), message(kind)())
    (config,) = (one for one in MANIFESTS if one["kind"] == "ConfigMap")
    assert told == text_format.Parse(config["data"][file], message(kind)())
    if kind == "MonitoringConfig":
        assert told.prometheus_config.path == METRICS_PATH
    else:
        assert told.max_batch_size.value == settings(["models"]).limits.most_rows


def test_prometheus_reads_both_servers_where_they_are():
    (config,) = documents("prometheus", "prometheus.yml")
    for job in config["scrape_configs"]:
        assert job["metrics_path"] == METRICS_PATH
        (target,) = job["static_configs"][0]["targets"]
        service, port = target.split(":")
        assert job["job_name"] == service
        published = COMPOSE["services"][service]["ports"]
        assert any(one.endswith(f":{port}") for one in published)
