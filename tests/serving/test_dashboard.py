"""Grafana's dashboard: its source, its panels, and that the server counts what it asks for."""

import json
import re

import pytest

from serving.metrics import METRICS
from tests.serving.deployment_files import COMPOSE, DEPLOYMENT, documents

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
