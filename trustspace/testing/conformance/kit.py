"""Where the kit comes from: a folder that `TRUSTSPACE_KITS` names, or Maven Central, kept in the user's cache."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trustspace.core.errors import Unavailable

HERE: Final = Path(__file__).parent
RUNNER: Final = HERE / "RunKit.java"
POM: Final = HERE / "pom.xml"
CENTRAL: Final = "1.0.0-RC6"
FETCH_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Kit:
    """A kit that is here: its version, the Java that runs it, and the folder or jars that it consists of."""

    version: str
    java: str
    classpath: str

    def command(self, properties: Path, only: str = "") -> list[str]:
        """The command line that runs it, or those of its cases whose name holds the text."""
        return [self.java, "-cp", self.classpath, str(RUNNER), str(properties), *([only] if only else [])]


def find_kit(environ: Mapping[str, str]) -> Kit:
    """The kit, fetched where it is not here yet; `Unavailable` says what is missing."""
    java = _program("java", environ, "install a Java development kit, 17 or later")
    _program("javac", environ, "the runner is a source file: install the whole development kit, not only the runtime")
    given = environ.get("TRUSTSPACE_KITS", "")
    if not given:
        return Kit(CENTRAL, java, str(_fetched(f"dsp-tck-{CENTRAL}", POM, environ) / "*"))
    found = sorted(Path(given).glob("dsp-tck-*.jar"))
    if not found:
        raise Unavailable("there is no dsp-tck-*.jar", where=given, hint="unset TRUSTSPACE_KITS to fetch the kit")
    jar = found[-1]
    third = _fetched(jar.stem, Path(given) / "pom.xml", environ)
    return Kit(jar.stem.removeprefix("dsp-tck-"), java, os.pathsep.join((str(jar), str(third / "*"))))


def _program(name: str, environ: Mapping[str, str], hint: str) -> str:
    found = shutil.which(name, path=environ.get("PATH"))
    if found is None:
        raise Unavailable(f"{name} is not installed", where="the conformance kit", hint=hint)
    return found


def _fetched(name: str, pom: Path, environ: Mapping[str, str]) -> Path:
    """The folder with the jars that a pom asks for; whole, or not there."""
    home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or str(Path.home())) / ".cache")
    place = Path(home) / "trustspace" / name
    if not place.is_dir():
        _fetch(pom, place, environ)
    return place


def _fetch(pom: Path, place: Path, environ: Mapping[str, str]) -> None:
    maven = _program("mvn", environ, "install Maven: the kit is fetched with it, once")
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={draft}"]
    try:
        done = subprocess.run(  # noqa: S603 -- ours
            [maven, "-q", "-B", "-f", str(pom), *goal],
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
        if done.returncode or not draft.is_dir():
            raise Unavailable(f"Maven could not fetch it: {_first_error(done.stdout)}", where=str(pom))
        draft.rename(place)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"Maven took more than {FETCH_SECONDS} s", where=str(pom)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _first_error(told: str) -> str:
    return next((line.strip() for line in told.splitlines() if "ERROR" in line), "it says nothing")
