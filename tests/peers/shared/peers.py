"""The peers: how each driver is started, what says that it is installed, and which versions it has."""

import glob
import json
import os
import subprocess
from dataclasses import dataclass

PHASES = ("steady", "leisure", "crowd", "losses", "appends", "syncs")
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(TESTS))


@dataclass(frozen=True)
class Peer:
    name: str
    title: str
    # The installed folder, by the name that the installer knows.
    folder: str
    kind: str
    # Packages whose versions are told.
    packages: tuple[str, ...] = ()
    # What the driver is told besides phase and workload.
    extra: tuple[str, ...] = ()

    def program(self, local: str) -> str:
        places = {
            "python": os.path.join(local, self.folder, "bin", "python"),
            "node": os.path.join(local, self.folder, "node_modules", "node", "bin", "node"),
            "cargo": os.path.join(local, self.folder, "release", "awaken-driver"),
            "workspace": os.path.join(
                os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "peers_driver"
            ),
        }
        return places[self.kind]

    def command(self, local: str, phase: str, path: str) -> list[str]:
        scripts = {"python": ["driver.py"], "node": ["driver.mjs"]}.get(self.kind, [])
        scripts = [os.path.join(TESTS, self.folder, script) for script in scripts]
        return [self.program(local), *scripts, *self.extra, phase, path]

    def environment(self, local: str) -> dict[str, str]:
        found = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", "RUST_BACKTRACE": "0"}
        if self.kind == "node":
            found["PEER_PACKAGES"] = os.path.join(local, self.folder)
            found["MASTRA_TELEMETRY_DISABLED"] = "1"
        if self.kind == "cargo":
            # What the store's own message says to set outside of debug builds.
            found["AWAKEN_ALLOW_DEV_FILE_COORDINATOR"] = "true"
        return found

    def missing(self, local: str) -> str | None:
        """Why it cannot be played, if so."""
        noted = os.path.join(local, "failed", self.folder)
        if os.path.exists(noted):
            with open(noted, encoding="utf-8", errors="replace") as file:
                return "not installed: " + (file.read().strip() or "no reason given")
        return None if os.path.exists(self.program(local)) else "not installed"

    def versions(self, local: str) -> str:
        return ", ".join(f"{name} {found}" for name in self.packages if (found := self.version(local, name)))

    def version(self, local: str, package: str) -> str | None:
        if self.kind == "python":
            stem = package.replace("-", "_")
            packages = os.path.join(local, self.folder, "lib", "python*", "site-packages")
            found = glob.glob(os.path.join(packages, f"{stem}-*.dist-info"))
            return os.path.basename(found[0]).removeprefix(f"{stem}-").removesuffix(".dist-info") if found else None
        if self.kind == "node":
            path = os.path.join(local, self.folder, "node_modules", package, "package.json")
            with open(path, encoding="utf-8") as file:
                return json.load(file)["version"]
        return lock_version(os.path.join(TESTS, self.folder, "Cargo.lock"), package)


def lock_version(path: str, package: str) -> str | None:
    """The version of a package in a Cargo lock file."""
    if not os.path.exists(path):
        return None
    with open(path, encoding="ascii") as file:
        lines = file.read().splitlines()
    at = lines.index(f'name = "{package}"') if f'name = "{package}"' in lines else None
    return None if at is None else lines[at + 1].split('"')[1]


def highwater_version() -> str:
    """The last commit that changed the library."""
    command = ["git", "-C", ROOT, "log", "-1", "--format=%h", "--", "protocol", "storage", "actors"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"commit {done.stdout.strip()}" if done.returncode == 0 else "this tree"


ALL = (
    Peer("highwater", "Highwater", "highwater", "workspace"),
    Peer(
        "langchain",
        "LangChain",
        "langchain",
        "python",
        ("langchain", "langgraph", "langgraph-checkpoint-sqlite"),
    ),
    Peer("openai_agents", "OpenAI Agents SDK", "openai_agents", "python", ("openai-agents",)),
    Peer("agent_framework", "MS Agent Framework", "agent_framework", "python", ("agent-framework-core",)),
    Peer("strands", "Strands", "strands", "python", ("strands-agents",)),
    Peer(
        "mastra_buffering",
        "Mastra, buffering",
        "mastra",
        "node",
        ("@mastra/core", "@mastra/memory", "@mastra/libsql", "node"),
        ("buffering",),
    ),
    Peer("mastra_blocking", "Mastra, no buffering", "mastra", "node", (), ("blocking",)),
    Peer("awaken", "awaken", "awaken", "cargo", ("awaken-runtime", "awaken-stores")),
)
NAMES = tuple(peer.name for peer in ALL)
