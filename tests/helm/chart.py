"""The chart as `helm template` renders it, and what its objects are."""
import json
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "tollgate"
SETS = sorted((ROOT / "tests" / "helm" / "values").glob("*.yaml"))
NAMESPACE = "llm"


def template(values, version, *arguments, check=True, chart=CHART):
    """The text of all objects; with `check=False` the process that has ended, for what must be refused."""
    command = ["helm", "template", "t", chart, "--namespace", NAMESPACE, "--kube-version", version]
    if values is not None:
        command += ["--values", values]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    if not check:
        return done
    if done.returncode != 0:
        raise AssertionError(f"helm template with {values}: {done.stderr}")
    return done.stdout


class Objects:
    def __init__(self, text):
        self.all = [item for item in yaml.safe_load_all(text) if item]

    def of(self, kind):
        return [item for item in self.all if item["kind"] == kind]

    def named(self, kind, end):
        found = [item for item in self.of(kind) if item["metadata"]["name"].endswith(end)]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} objects {kind} whose name ends in {end}")
        return found[0]

    def pods(self):
        """(name, metadata, spec) of everything that runs."""
        for item in self.all:
            if item["kind"] == "Pod":
                yield item["metadata"]["name"], item["metadata"], item["spec"]
            elif item["kind"] in ("Deployment", "StatefulSet"):
                inner = item["spec"]["template"]
                yield item["metadata"]["name"], inner["metadata"], inner["spec"]

    def configs(self):
        """By component: the configuration file of each service."""
        return {
            item["metadata"]["labels"]["app.kubernetes.io/component"]: json.loads(item["data"]["tollgate.json"])
            for item in self.of("ConfigMap")
            if "tollgate.json" in item["data"] and not item["metadata"]["name"].endswith("-dashboard")
        }
