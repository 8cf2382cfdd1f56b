"""The rendered configuration in the real programs: every set is accepted, and one of them serves the request that
`helm test` makes, with certificates between all processes."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from chart import SETS, Objects, template

VERSION = "1.36.0"
BIN = pathlib.Path(os.environ["TOLLGATE_BIN"])
PATIENCE_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A process that says on standard error that it listens."""

    def __init__(self, folder, name, command, sign='"event":"listening"', environment=None):
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        end = time.monotonic() + PATIENCE_S
        while sign not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"{name} did not start: {self.log.read_text(errors='replace')}")
            time.sleep(0.01)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        if code != 0:
            raise AssertionError(f"{self.name} ended with {code}: {self.log.read_text(errors='replace')}")


def make_certificates(folder):
    """ca.crt, and tls.crt with tls.key for 127.0.0.1, signed by it."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run = lambda *command: subprocess.run(["openssl", *command], check=True, capture_output=True, cwd=folder)
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority", "-days", "1")
    run("req", *key, "-keyout", "tls.key", "-out", "tls.csr", "-subj", "/CN=tollgate")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    run("x509", "-req", "-in", "tls.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1",
        "-extfile", "names", "-out", "tls.crt")


class Run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-helm-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        # What the pods would have mounted.
        cls.secrets = cls.folder / "secrets"
        for mount, files in {"upstream": ["api-key"], "redis": ["password"], "google": ["google.json"]}.items():
            (cls.secrets / mount).mkdir(parents=True)
            for file in files:
                (cls.secrets / mount / file).write_text("secret-of-the-test")
        (cls.secrets / "tls").mkdir()
        make_certificates(cls.secrets / "tls")
        shutil.copytree(cls.secrets / "tls", cls.secrets / "https")
        (cls.secrets / "google" / "google.json").write_text(
            '{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "t"}')

    def write(self, all_of_set, name, replacements):
        """By component, the path of its configuration file with this machine's paths and ports in it."""
        files = {}
        for item in all_of_set.of("ConfigMap"):
            component = item["metadata"]["labels"]["app.kubernetes.io/component"]
            folder = self.folder / name / component
            folder.mkdir(parents=True, exist_ok=True)
            for file, text in item["data"].items():
                text = text.replace("/etc/tollgate-secrets", str(self.secrets))
                text = text.replace("/etc/google", str(self.secrets / "google"))
                text = re.sub(r'"(0\.0\.0\.0|\[::\]):(8787|8788|8789|9090)"', '"127.0.0.1:0"', text)
                for old, new in replacements.items():
                    text = text.replace(old, new)
                (folder / file).write_text(text)
            files[component] = folder / "tollgate.json"
        catalog = self.folder / name / "catalog"
        if catalog.exists():
            shutil.copytree(catalog, files["router"].parent, dirs_exist_ok=True)
        return files

    def connect(self, port, identity):
        """0 when the server lets a caller with this certificate in. TLS 1.2, where that is known with the handshake."""
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2", "-tls1_2",
                   "-CAfile", self.secrets / "tls" / "ca.crt", "-verify_return_error"]
        if identity:
            command += ["-cert", identity / "tls.crt", "-key", identity / "tls.key"]
        return subprocess.run(command, input=b"", capture_output=True, timeout=PATIENCE_S).returncode

    def test_every_set_is_accepted_by_the_programs(self):
        for path in SETS:
            all_of_set = Objects(template(path, VERSION))
            files = self.write(all_of_set, path.stem, {"${AZURE_KEY}": "${TEST_AZURE_KEY}"})
            for component in all_of_set.configs():
                kind = component.split("-")[0]
                # Only an adapter has the upstreams' secrets.
                environment = {"TEST_AZURE_KEY": "k"} if kind == "adapter" else {}
                with self.subTest(set=path.stem, component=component):
                    command = [BIN / f"tollgate-{kind}", "--config", files[component]]
                    level = ["warn", "error", "off"]
                    if all_of_set.configs()[component].get("logging", {}).get("level") in level:
                        text = files[component].read_text()
                        files[component].write_text(re.sub(r'"level": "\w+"', '"level": "info"', text))
                    Program(self.folder, f"{path.stem}-{component}", command, environment=environment).end()

    def test_helm_test_gets_an_answer_over_mutual_tls(self):
        running = []
        self.addCleanup(lambda: [program.process.kill() for program in running if program.process.poll() is None])

        def start(*arguments, **options):
            running.append(Program(self.folder, *arguments, **options))
            return running[-1]

        redis_port = free_port()
        (self.folder / "redis.conf").write_text(
            f'port {redis_port}\nbind 127.0.0.1\nsave ""\nrequirepass secret-of-the-test\n')
        redis = start("redis", ["redis-server", self.folder / "redis.conf"], sign="Ready to accept connections")
        simulator = start("simulator", [BIN / "tollgate-simulator", "--listen", "127.0.0.1:0"], sign="listening on ")
        upstream = "http://" + re.search(r"listening on (\S+)", simulator.log.read_text())[1]

        path = next(path for path in SETS if path.stem == "mtls")
        all_of_set = Objects(template(path, VERSION, "--set", f"upstreams.anthropic.config.url={upstream}"))
        services = {name: free_port() for name in ("router", "budget", "adapter-anthropic")}
        # The listener and the callers of a service meet at one port.
        replacements = {f"dns:///t-tollgate-{name}.llm.svc.cluster.local:8788": f"127.0.0.1:{port}"
                        for name, port in services.items()}
        replacements["t-tollgate-redis.llm.svc.cluster.local:6379"] = f"127.0.0.1:{redis_port}"
        files = self.write(all_of_set, "live", replacements)
        ours = []
        for component in ("adapter-anthropic", "budget", "router"):
            kind = component.split("-")[0]
            ours.append(start(component, [BIN / f"tollgate-{kind}", "--config", files[component], "--grpc",
                                          f"127.0.0.1:{services[component]}"]))
        http = free_port()
        ours.append(start("gateway", [BIN / "tollgate-gateway", "--config", files["gateway"], "--http",
                                      f"127.0.0.1:{http}"]))

        # Who shows no certificate, or one of another authority, gets no connection.
        stranger = self.folder / "stranger"
        stranger.mkdir()
        make_certificates(stranger)
        for port in services.values():
            self.assertEqual(self.connect(port, self.secrets / "tls"), 0)
            self.assertNotEqual(self.connect(port, None), 0)
            self.assertNotEqual(self.connect(port, stranger), 0)

        work = self.folder / "work"
        work.mkdir()
        pod = all_of_set.of("Pod")[0]["spec"]
        for container in [*pod["initContainers"], *pod["containers"]]:
            script = container["args"][0].replace("/etc/tollgate/tollgate.json", str(files["budget"]))
            environment = {variable["name"]: variable["value"] for variable in container.get("env", [])}
            environment["BASE_URL"] = f"http://127.0.0.1:{http}"
            environment["PATH"] = f"{BIN}:{os.environ['PATH']}"
            done = subprocess.run([*container["command"], script.replace("/scratch/", f"{work}/")], text=True,
                                  capture_output=True, env=environment)
            self.assertEqual(done.returncode, 0, f"{container['name']}: {done.stdout}{done.stderr}")
        self.assertIn('"type":"message"', done.stdout.replace(": ", ":"))
        for program in reversed(ours):
            program.end()
        simulator.process.kill()
        redis.end()


if __name__ == "__main__":
    unittest.main()
