"""models.config and version policies: TF Serving's text format, and what it may not say."""

from pathlib import Path

import pytest

from serving.errors import BadInput
from serving.fleet import models_config, policy
from serving.fleet.models_config import ModelConfig
from serving.fleet.policy import ALL, LATEST, Policy


def config(body):
    return models_config.parse(f"model_config_list {{ {body} }}")


GOOD = 'name: "a" base_path: "/models/a" model_platform: "tensorflow"'


def test_names_policies_and_labels_are_read():
    first, second, third = config(
        f"""config {{ {GOOD} version_labels {{ key: "stable" value: 3 }} }}
        config: {{ name: "b" base_path: "/b" model_type: TENSORFLOW
                   model_version_policy {{ specific {{ versions: 42 versions: 7 }} }} }}
        config {{ name: "c" base_path: "/c" model_platform: "tensorflow"
                  model_version_policy: {{ all: {{}} }} }}"""
    )
    assert first == ModelConfig(name="a", folder=Path("/models/a"), labels={"stable": 3})
    assert second.policy == Policy(specific=(42, 7))
    assert third.policy == ALL


def test_what_is_written_reads_back():
    configs = [
        ModelConfig(name="a b", folder=Path("/m/a"), policy=Policy(latest=2), labels={"x": 1}),
        ModelConfig(name="c", folder=Path("/m/c"), policy=Policy(specific=(1, 2))),
        ModelConfig(name='d"', folder=Path("/m/é"), policy=ALL),
        ModelConfig(name="e", folder=Path("/m/e"), policy=LATEST),
    ]
    assert models_config.parse(models_config.to_text(configs)) == configs


def test_tf_servings_own_message_reads_what_is_written():
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    configs = [ModelConfig(name="a", folder=Path("/m/a"), policy=Policy(latest=2), labels={"x": 1})]
    message = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(models_config.to_text(configs), message)
    (found,) = message.model_config_list.config
    assert (found.name, found.base_path, found.model_platform) == ("a", "/m/a", "tensorflow")
    assert found.model_version_policy.latest.num_versions == 2
    assert found.version_labels["x"] == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (f"config {{ {GOOD} }} config {{ {GOOD} }}", "Illegal to list model a multiple times"),
        ('config { name: "a" base_path: "/a" }', "setting neither ModelServerConfig::model_type"),
        (
            f"config {{ {GOOD} model_type: TENSORFLOW }}",
            "setting both ModelServerConfig::model_type",
        ),
        ('config { name: "a" base_path: "a" model_platform: "tensorflow" }', "an absolute path"),
        (
            'config { name: "a" base_path: "/a" model_platform: "torch" }',
            "only tensorflow is served",
        ),
        ("config { surprise: 1 }", "Error parsing text-format"),
    ],
)
def test_what_a_configuration_may_not_say(body, says):
    with pytest.raises(BadInput, match=says):
        config(body)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("latest", {12}),
        ("latest:2", {12, 9}),
        ("latest:99", {1, 9, 12}),
        ("all", {1, 9, 12}),
        ("specific:1,9,55", {1, 9}),
    ],
)
def test_a_policy_chooses_versions(text, chosen):
    assert policy.parse(text).choose([9, 12, 1]) == chosen


@pytest.mark.parametrize(
    "text", ["", "newest", "latest:0", "latest:x", "specific", "specific:a", "all:1"]
)
def test_other_words_are_no_policy(text):
    with pytest.raises(BadInput, match="is no version policy"):
        policy.parse(text)


def test_the_models_of_a_folder_are_written_down(run_command, models, tmp_path):
    done = run_command("keras-serve", "config", models, "--model-version-policy", "all")
    assert done.returncode == 0, done.stderr
    found = {config.name: config for config in models_config.parse(done.stdout)}
    assert set(found) == {folder.name for folder in models.iterdir()} > {"half_plus", "sums"}
    assert found["sums"] == ModelConfig(name="sums", folder=models / "sums", policy=ALL)
    done = run_command("keras-serve", "config", models, "--base", "/models")
    assert models_config.parse(done.stdout)[0].folder == Path("/models/half_plus")
    for folder, says in (("nowhere", "there is no folder"), (tmp_path, "holds no model")):
        done = run_command("keras-serve", "config", folder)
        assert (done.returncode, says in done.stderr) == (2, True)
