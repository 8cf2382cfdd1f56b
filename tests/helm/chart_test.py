"""What the chart renders, over all value sets: valid for Kubernetes, and what its README promises."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import kubernetes_validate
import yaml
from chart import CHART, NAMESPACE, ROOT, SETS, Objects, template

VERSIONS = ["1.30.0", "1.36.0"]
# Of operators: Kubernetes' own schemas do not have them.
OTHERS = {"cert-manager.io/v1", "monitoring.coreos.com/v1", "external-secrets.io/v1", "gateway.networking.k8s.io/v1"}

rendered = {path.stem: template(path, VERSIONS[-1]) for path in SETS}
objects = {name: Objects(text) for name, text in rendered.items()}


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def component_of(item):
    return item["metadata"]["labels"]["app.kubernetes.io/component"]


class Valid(unittest.TestCase):
    def test_lint(self):
        for path in SETS:
            done = subprocess.run(["helm", "lint", "--strict", CHART, "-f", path, "--kube-version", VERSIONS[-1]],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f"{path.name}: {done.stdout}{done.stderr}")

    def test_against_the_schemas_of_two_versions(self):
        self.assertGreaterEqual(len(SETS), 8)
        for version in VERSIONS:
            for path in SETS:
                text = rendered[path.stem] if version == VERSIONS[-1] else template(path, version)
                for item in Objects(text).all:
                    if item["apiVersion"] in OTHERS:
                        continue
                    with self.subTest(set=path.stem, version=version, name=item["metadata"]["name"], kind=item["kind"]):
                        kubernetes_validate.validate(item, version.rsplit(".", 1)[0], strict=True)

    def test_names_are_unique_and_in_the_namespace(self):
        for name, all_of_set in objects.items():
            seen = [(item["apiVersion"], item["kind"], item["metadata"]["name"]) for item in all_of_set.all]
            self.assertEqual(len(seen), len(set(seen)), name)
            for item in all_of_set.all:
                self.assertEqual(item["metadata"]["namespace"], NAMESPACE)

    def test_wrong_values_are_refused(self):
        for wrong, said in {
            "gateway.replica=2": "replica",
            "upstreams.Bad_Name.config.url=x": "Bad_Name",
            "upstreams.anthropic.config.api_key=sk-ant-clear": "api_key",
            "config.listen.http=x": "config",
            "redis.enabled=false": "external",
            "redis.appendfsync=no": "appendfsync",
            "ingress.enabled=true": "ingress.hosts",
            "httpRoute.enabled=true": "httpRoute.parentRefs",
        }.items():
            done = template(None, VERSIONS[-1], "--set", wrong, check=False)
            self.assertNotEqual(done.returncode, 0, wrong)
            self.assertIn(said, done.stderr, wrong)

    def test_readme_is_up_to_date(self):
        done = subprocess.run([ROOT / "helm" / "readme", "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_value_is_in_the_schema_and_described(self):
        readme = (ROOT / "helm" / "README.md").read_text()
        for name in json.loads((CHART / "values.schema.json").read_text())["properties"]:
            if name != "global":
                self.assertRegex(readme, rf"\| `{name}[.`]")

    def test_notes_end_with_the_three_exports(self):
        # `helm template` leaves the notes out, so they are an object here.
        with tempfile.TemporaryDirectory() as folder:
            chart = pathlib.Path(folder) / "tollgate"
            shutil.copytree(CHART, chart)
            notes = (chart / "templates" / "NOTES.txt").read_text()
            (chart / "templates" / "_notes.tpl").write_text('{{- define "notes" -}}' + notes + "{{- end -}}")
            (chart / "templates" / "notes.yaml").write_text('notes: {{ include "notes" . | quote }}')
            for path in SETS:
                text = template(path, VERSIONS[-1], "--show-only", "templates/notes.yaml", chart=chart)
                notes = next(item["notes"] for item in yaml.safe_load_all(text) if item)
                lines = notes.strip().splitlines()[-3:]
                self.assertRegex(lines[0], "^export ANTHROPIC_BASE_URL=https?://.+/api$")
                self.assertEqual(lines[1:], ["export ANTHROPIC_AUTH_TOKEN=sk-tg-v1-...", 'export ANTHROPIC_API_KEY=""'])


class Secure(unittest.TestCase):
    def test_pods_are_restricted(self):
        for name, all_of_set in objects.items():
            for pod, _, spec in all_of_set.pods():
                with self.subTest(set=name, pod=pod):
                    security = spec["securityContext"]
                    self.assertTrue(security["runAsNonRoot"])
                    self.assertGreater(security["runAsUser"], 0)
                    self.assertEqual(security["seccompProfile"], {"type": "RuntimeDefault"})
                    self.assertFalse(spec["automountServiceAccountToken"])
                    for volume in spec["volumes"]:
                        kinds = {"configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim"}
                        self.assertTrue(kinds & set(volume), volume)
                    for container in containers(spec):
                        security = container["securityContext"]
                        self.assertTrue(security["readOnlyRootFilesystem"])
                        self.assertFalse(security["allowPrivilegeEscalation"])
                        self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
                        self.assertIn("memory", container["resources"]["limits"])

    def test_no_secret_in_config_maps_or_arguments(self):
        member = re.compile("(api_key|password|secret|token|signing_key)$")

        def walk(value, path):
            if isinstance(value, dict):
                for key, inner in value.items():
                    if isinstance(inner, str) and member.search(key):
                        self.assertRegex(inner, r"^\$\{.+\}$", f"{path}.{key}")
                    walk(inner, f"{path}.{key}")

        for name, all_of_set in objects.items():
            self.assertEqual(all_of_set.of("Secret"), [], name)
            for component, config in all_of_set.configs().items():
                walk(config, f"{name}.{component}")
            for pod, _, spec in all_of_set.pods():
                for container in containers(spec):
                    text = " ".join(container.get("command", []) + container.get("args", []))
                    self.assertNotRegex(text, "requirepass|--pass|-a [^ ]*\\$|api-key: [^%]", f"{name} {pod}")
                    for variable in container.get("env", []):
                        self.assertNotRegex(variable.get("value", ""), "sk-|secret", f"{name} {pod}")

    def test_only_the_adapter_has_its_upstreams_secrets(self):
        all_of_set = objects["providers"]
        for pod, _, spec in all_of_set.pods():
            text = json.dumps(spec)
            for upstream, secret in {"anthropic": "tollgate-anthropic", "vertex": "google", "azure": '"azure"'}.items():
                mounted = f'"secretName": "{secret}"' in text or f'"name": {secret}, "key"' in text.replace("{", "")
                if pod.endswith(f"adapter-{upstream}"):
                    self.assertIn(secret.strip('"'), text)
                else:
                    self.assertFalse(mounted, f"{pod} has {secret}")

    def test_nothing_is_reached_that_is_not_named(self):
        for name, all_of_set in objects.items():
            policies = all_of_set.of("NetworkPolicy")
            deny = [item for item in policies if item["metadata"]["name"].endswith("-deny-all")]
            self.assertEqual(len(deny), 1, name)
            self.assertEqual(deny[0]["spec"]["policyTypes"], ["Ingress", "Egress"])
            self.assertNotIn("ingress", deny[0]["spec"])
            for rule in deny[0]["spec"]["egress"]:
                self.assertEqual({port["port"] for port in rule["ports"]}, {53})
            selected = {item["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component"): item
                        for item in policies if item not in deny}
            for pod, metadata, _ in all_of_set.pods():
                labels = metadata["labels"]
                everybody = deny[0]["spec"]["podSelector"]["matchLabels"]
                self.assertEqual({key: labels.get(key) for key in everybody}, everybody, f"{name} {pod}")
                self.assertIn(labels["app.kubernetes.io/component"], selected, f"{name} {pod}")

    def test_only_adapters_reach_the_outside(self):
        for name, all_of_set in objects.items():
            for item in all_of_set.of("NetworkPolicy"):
                component = component_of(item)
                if component.startswith("adapter-") or component == "all":
                    continue
                if name == "external-redis" and component in ("budget", "test"):
                    for rule in item["spec"]["egress"]:
                        self.assertLessEqual({port["port"] for port in rule["ports"]}, {6379, 26379, 8787})
                    continue
                for rule in item["spec"]["egress"]:
                    self.assertTrue(rule.get("to"), f"{name} {component}: {rule}")
                    for peer in rule["to"]:
                        self.assertEqual(set(peer), {"podSelector"}, f"{name} {component}")
            for rule in all_of_set.named("NetworkPolicy", "-adapter-anthropic")["spec"]["egress"]:
                for peer in rule["to"]:
                    self.assertIn("ipBlock", peer)
                    self.assertTrue(peer["ipBlock"]["except"])

    def test_mutual_tls(self):
        for name in ("mtls", "mtls-secrets"):
            all_of_set = objects[name]
            for component, config in all_of_set.configs().items():
                self.assertEqual(config["services"]["tls"]["ca_file"], "/etc/tollgate-secrets/tls/ca.crt", component)
                pod = all_of_set.named("Deployment", f"-{component}")["spec"]["template"]["spec"]
                self.assertIn("/etc/tollgate-secrets/tls", [m["mountPath"] for m in pod["containers"][0]["volumeMounts"]])
                # The kubelet has no certificate.
                port = pod["containers"][0]["readinessProbe"]["grpc"]["port"]
                self.assertEqual(port, 8788 if component == "gateway" else 8789)
        targets = objects["mtls"].configs()["gateway"]["services"]
        for component in ("router", "budget"):
            certificate = objects["mtls"].named("Certificate", f"-{component}")
            for host in certificate["spec"]["dnsNames"]:
                self.assertEqual(targets[component], f"dns:///{host}:8788")
        done = template(None, VERSIONS[-1], "--set", "mtls.enabled=true,mtls.certManager.enabled=false", check=False)
        self.assertIn("mtls.existingSecrets.", done.stderr)


class Streams(unittest.TestCase):
    def test_a_pod_has_time_for_what_runs(self):
        for name, all_of_set in objects.items():
            for item in all_of_set.of("Deployment"):
                component = component_of(item)
                spec = item["spec"]["template"]["spec"]
                drain_ms = all_of_set.configs()[component]["timeouts"]["drain_ms"]
                pause = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
                self.assertGreater(drain_ms, 600_000, name)
                self.assertGreater(spec["terminationGracePeriodSeconds"], pause + drain_ms / 1000, name)
                self.assertEqual(item["spec"]["strategy"]["rollingUpdate"], {"maxUnavailable": 0, "maxSurge": 1})

    def test_what_stands_before_the_gateway_does_not_buffer(self):
        annotations = objects["ingress"].of("Ingress")[0]["metadata"]["annotations"]
        prefix = "nginx.ingress.kubernetes.io/"
        self.assertEqual(annotations[prefix + "proxy-buffering"], "off")
        self.assertEqual(annotations[prefix + "proxy-request-buffering"], "off")
        self.assertGreater(int(annotations[prefix + "proxy-read-timeout"]), 600)
        self.assertGreater(int(annotations[prefix + "proxy-body-size"].rstrip("m")), 32)
        route = objects["gateway-api"].of("HTTPRoute")[0]["spec"]["rules"][0]
        self.assertEqual(route["timeouts"], {"request": "0s", "backendRequest": "0s"})

    def test_services_behind_grpc_are_headless(self):
        for name, all_of_set in objects.items():
            for component, config in all_of_set.configs().items():
                targets = config["services"]
                for target in [targets.get("router"), targets.get("budget"), *targets.get("adapters", {}).values()]:
                    if target:
                        service = re.match(r"dns:///([a-z0-9-]+)\.", target)[1]
                        self.assertEqual(all_of_set.named("Service", service)["spec"]["clusterIP"], "None", name)

    def test_a_change_rolls_the_pods_that_it_is_for(self):
        def checksums(*arguments):
            return {pod: metadata.get("annotations", {})
                    for pod, metadata, _ in Objects(template(None, VERSIONS[-1], *arguments)).pods()
                    if not pod.endswith("-test")}

        def changed(*arguments):
            before, after = checksums(), checksums(*arguments)
            return {pod.removeprefix("t-tollgate-") for pod in before if before[pod] != after[pod]}

        everything = {"gateway", "router", "budget", "adapter-anthropic"}
        self.assertEqual(changed("--set", "config.logging.level=warn"), everything)
        self.assertEqual(changed("--set-string", "catalog.content=[]"), {"router"})
        self.assertEqual(changed("--set", "redis.appendfsync=always"), {"redis"})
        self.assertEqual(changed("--set", "upstreams.anthropic.config.max_connections=7"), {"router", "adapter-anthropic"})
        self.assertEqual(changed("--set", "gateway.replicas=5"), set())

    def test_autoscaling(self):
        for item in objects["autoscaling"].of("Deployment"):
            self.assertNotIn("replicas", item["spec"])
        metrics = {component_of(item): [metric["type"] for metric in item["spec"]["metrics"]]
                   for item in objects["autoscaling"].of("HorizontalPodAutoscaler")}
        self.assertEqual(metrics["gateway"], ["Resource", "Pods"])
        self.assertEqual(metrics["budget"], ["Resource"])
        self.assertEqual(set(metrics), {"gateway", "router", "budget", "adapter-anthropic"})

    def test_redis_keeps_what_it_is_told(self):
        spec = objects["mtls"].of("StatefulSet")[0]["spec"]
        conf = objects["mtls"].named("ConfigMap", "-redis")["data"]["redis.conf"]
        for line in ("appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"):
            self.assertIn(line, conf.splitlines())
        self.assertIn("redis-check-aof --fix", spec["template"]["spec"]["initContainers"][0]["args"][0])
        self.assertEqual(spec["volumeClaimTemplates"][0]["metadata"]["name"], "data")


if __name__ == "__main__":
    unittest.main()
