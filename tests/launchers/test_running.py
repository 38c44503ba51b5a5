"""cli/gencl becomes the program, cli/test runs all four tools."""

import shutil
import signal

import pytest

from tests.launchers.clone import Clone

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


def test_first_run_sets_up_and_the_second_only_runs(clone: Clone):
    first = clone.gencl("--json")
    assert (first.returncode, first.stdout) == (0, f"in {clone.outside}\n<--json>\n")
    assert first.stderr == "gencl: setting up .venv (about 6 GB with the CUDA builds of PyTorch; once) …\n"
    assert len(clone.calls("venv")) == 1
    (pip,) = clone.calls()
    assert pip.startswith("-m pip install ")
    assert pip.endswith(f" -e .|{clone.root}")
    assert sorted(path.name for path in clone.root.iterdir()) == [".venv", ".venv.log", "cli", "pyproject.toml"]

    second = clone.gencl()
    assert (second.returncode, second.stdout, second.stderr) == (0, f"in {clone.outside}\n", "")
    assert len(clone.calls()) == 1


@pytest.mark.parametrize("shell", SHELLS)
def test_other_shells(clone: Clone, shell: str):
    words = [shell, "sh"] if shell == "busybox" else [shell]
    result = clone.run(*words, str(clone.root / "cli" / "gencl"), "a b", FAKE_STATUS="4")
    assert (result.returncode, result.stdout) == (4, f"in {clone.outside}\n<a b>\n")
    assert clone.run(*words, str(clone.root / "cli" / "test")).returncode == 0
    failed = clone.run(*words, str(clone.root / "cli" / "gencl"), GENCL_PYTHON="none")
    assert failed.returncode == 0  # an existing environment keeps its Python


def test_arguments_and_status_pass_through(clone: Clone):
    odd = ["two  words", "it's", 'a "quote"', "", "$HOME `x` \\n", "*", "-e", "new\nline"]
    result = clone.gencl(*odd, FAKE_STATUS="42")
    assert (result.returncode, result.stdout) == (42, f"in {clone.outside}\n" + "".join(f"<{word}>\n" for word in odd))


def test_links_to_the_launcher(clone: Clone):
    links = clone.outside / "links"
    links.mkdir()
    (links / "far").symlink_to(clone.root / "cli" / "gencl")
    (links / "near").symlink_to("far")
    (links / "folder").symlink_to(clone.root / "cli")
    for name in ("links/near", str(links / "far"), "links/folder/gencl"):
        assert clone.run(name, "x", CDPATH="/").stdout == f"in {clone.outside}\n<x>\n"
    assert clone.run("sh", "-c", "near x", PATH=f"{links}:{clone.tools}").returncode == 0
    (links / "paper").symlink_to(clone.root / "cli" / "reproduce" / "ablation")
    assert "<compare>" in clone.run(str(links / "paper")).stdout
    assert len(clone.calls()) == 1


def test_the_program_replaces_the_launcher_and_holds_no_lock(clone: Clone):
    process = clone.start(FAKE_WAIT="30")
    assert process.stdout is not None and process.stdout.readline().startswith("in ")
    clone.project.write_text("changed")
    assert "waiting" not in clone.gencl().stderr
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_suite_runs_all_three_and_adds_only_the_extra(clone: Clone):
    clone.gencl()
    result = clone.test("-k", "one or two")
    assert result.returncode == 0
    assert result.stdout == (
        "== ruff check\nruff says GENCL_DATA=unset\n\n== mypy\nmypy says GENCL_DATA=unset\n\n"
        "== pytest\npytest says GENCL_DATA=unset\n"
    )
    assert result.stderr == "gencl: updating .venv …\n"
    assert clone.calls("ruff") == [f"-m ruff check .|{clone.root}"]
    assert clone.calls("pytest") == [f"-m pytest --durations=10 -k one or two|{clone.root}"]
    assert (len(clone.calls("venv")), len(clone.calls())) == (1, 2)
    assert clone.gencl().stderr == clone.test().stderr == ""


@pytest.mark.parametrize("failures", ["mypy", "pytest", "ruff mypy pytest"])
def test_suite_goes_on_after_a_failure(clone: Clone, failures: str):
    result = clone.test(FAKE_FAILURES=failures)
    assert result.returncode == (3 if "pytest" in failures else 1)
    assert all(f"{tool} says" in result.stdout for tool in ("ruff", "mypy", "pytest"))
    assert result.stdout.splitlines()[-1].startswith("pytest says")
    before = failures.removesuffix("pytest").rstrip()
    assert (f"== pytest (failed so far: {before})" in result.stdout) == bool(before)


def test_suite_finds_the_data(clone: Clone):
    data = clone.root.parent / "shared" / "data"
    data.mkdir(parents=True)
    assert f"pytest says GENCL_DATA={data}\n" in clone.test().stdout
    assert "pytest says GENCL_DATA=/mine\n" in clone.test(GENCL_DATA="/mine").stdout


def test_suite_help_sets_nothing_up(clone: Clone):
    result = clone.test("--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: cli/test [PYTEST ARGUMENTS]\n")
    assert not (clone.root / ".venv").exists()


def test_docs_are_built_strictly(clone: Clone):
    docs = str(clone.root / "cli" / "docs")
    assert clone.run(docs, "build", "--quiet").returncode == 0
    assert clone.calls("mkdocs") == [f"-m mkdocs build --strict --quiet|{clone.root}"]
    wrong = clone.run(docs, "biuld")
    assert wrong.returncode == 2 and wrong.stderr.startswith("usage: cli/docs [serve | build]")
