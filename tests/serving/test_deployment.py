"""`serving/deployment/`: each file is what its reader's published schema or message takes."""

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from importlib import resources
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

import demo
from serving import config_command
from serving.api.app import METRICS_PATH
from serving.metrics import METRICS
from serving.serve_command import settings

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "serving" / "deployment"
KUBERNETES = "1.34"


def documents(*parts):
    """Reads every YAML document in files of a folder, the last part being their pattern."""
    *folders, pattern = parts
    return [
        document
        for path in sorted(DEPLOYMENT.joinpath(*folders).glob(pattern))
        for document in yaml.safe_load_all(path.read_text())
    ]


def named(document):
    return f"{document['kind']}-{document['metadata']['name']}"


COMPOSE = yaml.safe_load((DEPLOYMENT / "compose.yaml").read_text())
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


DASHBOARD = json.loads((DEPLOYMENT / "grafana" / "dashboards" / "serving.json").read_text())


def test_the_dashboard_asks_the_source_that_is_provisioned():
    (sources,) = documents("grafana", "provisioning", "datasources", "*.yaml")
    (source,) = sources["datasources"]
    expected = {"type": source["type"], "uid": source["uid"]}
    for panel in DASHBOARD["panels"]:
        assert [target["datasource"] for target in panel["targets"]] == [expected] * len(
            panel["targets"]
        )
    (providers,) = documents("grafana", "provisioning", "dashboards", "*.yaml")
    folder = providers["providers"][0]["options"]["path"]
    mounted = [volume.split(":") for volume in COMPOSE["services"]["grafana"]["volumes"]]
    assert ["./grafana/dashboards", folder, "ro"] in mounted


def test_panels_fill_the_dashboard_without_overlapping():
    cells = [
        (column, row)
        for panel in DASHBOARD["panels"]
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for row in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {column for column, _ in cells} == set(range(24))
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_every_metric_on_the_dashboard_is_counted_with_these_labels(panel):
    known = {"job", "le", "instance"}
    for target in panel["targets"]:
        asked = re.findall(
            r"(:?[a-z_]+(?::[a-z_]+)+|keras_serve_[a-z_]+)\{([^}]*)\}", target["expr"]
        )
        assert asked
        labels = set(known)
        for name, matchers in asked:
            metric = METRICS[
                re.sub("_(bucket|sum|count)$", "", name) if name not in METRICS else name
            ]
            labels |= set(metric.labels)
            matched = set(re.findall(r'([a-z_]+)[!=]?[=~]~?"', matchers))
            assert matched <= known | set(metric.labels)
        for grouped in re.findall(r"by \(([^)]*)\)", target["expr"]):
            assert set(re.split(", *", grouped)) <= labels
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels


def instructions():
    """Yields a Dockerfile's instructions, each with what is said after it on one line."""
    lines = (DEPLOYMENT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            yield line.split(None, 1)


def test_the_image_runs_as_nobody_and_holds_the_tested_versions():
    told = list(instructions())
    assert [rest for word, rest in told if word == "USER"] == ["65532:65532"]
    assert dict(told)["ENTRYPOINT"] == '["keras-serve"]'
    assert settings(json.loads(dict(told)["CMD"])).host == "0.0.0.0"
    sources = [rest.split()[:-1] for word, rest in told if word == "COPY" and "--from" not in rest]
    copied = {name for names in sources for name in names}
    assert all((ROOT / name).exists() for name in copied)
    kept = (DEPLOYMENT / "Dockerfile.dockerignore").read_text().split("\n")
    assert {line[1:] for line in kept if line.startswith("!")} == copied


@pytest.mark.slow
def test_the_images_install_line_makes_a_server_without_tensorflow(models, tmp_path):
    environment, source = tmp_path / "keras-serve", tmp_path / "source"
    source.mkdir()
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            for name in rest.split()[:-1]:
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
                copy(ROOT / name, source / name)
    (line,) = (rest for word, rest in instructions() if word == "RUN")
    line = line.replace("/opt/keras-serve", str(environment)).replace("/source", str(source))
    line = line.replace("python -m venv", f"{shlex.quote(sys.executable)} -m venv", 1)
    subprocess.run(line, shell=True, check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
    (installed,) = environment.glob("lib/python*/site-packages")
    there = {path.name for path in installed.iterdir()}
    assert not there & {"tensorflow", "keras", "onnx", "tf2onnx", "pip"}
    command = [environment / "bin" / "keras-serve", models, "--rest-port", "0", "--grpc-port", "0"]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        said = ""
        for line in process.stderr:
            said += line
            if "keras-serve: ready" in line:
                break
        port = re.search(r"REST on \S+:(\d+)", said)[1]
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/models/half_plus:predict", b'{"instances": [1.0]}'
        )
        with urllib.request.urlopen(asked) as answer:
            assert json.load(answer) == {"predictions": [3.5]}
        process.terminate()
        process.stderr.read()
    assert process.returncode == 0
