"""Models go to a stand-in for the Hub and come back, and each way in which that fails is told in a line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants, file_download, utils

import gencl
from gencl.core.errors import GenclError, UsageError
from tests.conftest import gencl as command
from tests.conftest import tiny
from tests.scenarios.test_domains import folder
from tests.uses.hub_server import READ_TOKEN, TOKEN, Hub, Repository

MODEL = "digits-cgan-sgd"
FILES = {"README.md", "metrics.json", "model.json", "model.safetensors", "samples.png"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub that the library takes for its own, with a cache of its own, and the owner's token. The library reads its
    environment when it is imported, so that here its constants are set."""
    with Hub() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        for module in (constants, file_download):  # older versions have a copy there
            monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        _forget_sessions()
        yield server
        server.shutdown()
    _forget_sessions()


def _forget_sessions() -> None:
    """Older versions of the library keep sessions that know whether it was offline."""
    getattr(utils, "reset_sessions", lambda: None)()


def card_of(hub: Hub, name: str) -> tuple[dict[str, object], str]:
    _, metadata, text = hub.repositories[name].files["README.md"].decode().split("---\n", 2)
    return yaml.safe_load(metadata), text


def refused(*arguments: str | Path) -> str:
    """The line of a command that must fail."""
    done = command(*arguments)
    assert done.returncode in (1, 2) and done.stdout == "" and len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_the_commands_with_the_environment_of_a_user(tmp_path: Path) -> None:
    """In processes of their own, which find the Hub by $HF_ENDPOINT."""
    with Hub() as server:
        environment = {**os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN}
        lines = []
        for arguments in (["push", MODEL, "ada/digits"], ["sample", "hf:ada/digits", "--n", "20", "--to", "images"]):
            words = [sys.executable, "-m", "gencl", *arguments]
            done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            lines += done.stdout.splitlines()
        assert lines == [f"{server.url}/ada/digits", "images"]
        server.shutdown()
    assert len(list((tmp_path / "images").rglob("*.png"))) == 20


def test_a_model_comes_back_as_it_went(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    there = gencl.load_run(MODEL)
    assert there.push("ada/digits") == f"{hub.url}/ada/digits"
    assert set(hub.repositories["ada/digits"].files) == {".gitattributes", *FILES}
    hub.repositories["ada/digits"].files |= {"pytorch_model.bin": b"\x80\x04", "config.yaml": b"a: 1"}
    run = gencl.load_run("hf:ada/digits")
    assert set(hub.asked) == FILES and {path.name for path in run.path.iterdir()} == FILES
    assert run.generate(n=12).equal(there.generate(n=12))
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    _forget_sessions()
    assert gencl.load_run("hf:ada/digits").generate([3], 2).equal(there.generate([3], 2))  # out of the cache
    shown = refused("sample", "hf:ada/others")
    assert "hf:ada/others is not in the cache, and $HF_HUB_OFFLINE forbids to ask the Hub" in shown
    assert "gencl push needs the Hub, and $HF_HUB_OFFLINE is set" in refused("push", MODEL, "ada/digits")


def test_the_card_has_metadata(hub: Hub) -> None:
    gencl.load_run(MODEL).push("ada/digits")
    about, text = card_of(hub, "ada/digits")
    assert (about["license"], about["datasets"], about["library_name"]) == ("cc-by-4.0", ["digits"], "gencl")
    assert about["pipeline_tag"] == "unconditional-image-generation"
    (index,) = about["model-index"]
    metrics = gencl.load_run(MODEL).metrics
    (result,) = index["results"]
    assert index["name"] == "digits" and result["dataset"] == {"name": "digits", "type": "digits"}
    assert [one["value"] for one in result["metrics"]] == list(metrics["summary"].values())
    assert {"fd_digits", "conditional_accuracy"} < {one["type"] for one in result["metrics"]}  # no FID of Inception's
    assert "gencl sample hf:ada/digits" in text and "E. Alpaydin" in text and "--method sgd --seed 0" in text
    assert hub.repositories["ada/digits"].files["samples.png"].startswith(b"\x89PNG")


def test_folders_of_ones_own_stay_private(hub: Hub, tmp_path: Path) -> None:
    """Their paths are in no file, and only their owner knows under which licence they may go out."""
    scenario = f"scenario.domains=[{folder(tmp_path / 'secret-a', 'a')},{folder(tmp_path / 'secret-b', 'b')}]"
    sets = [text for text in tiny("digits-cgan") if "tasks" not in text]
    run = gencl.train("folders-cgan", "sgd", 0, tmp_path / "run", set=[*sets, scenario], progress="silent")
    with pytest.raises(UsageError, match=r"knows no licence for pictures of one's own; name one"):
        run.push("ada/cats")
    assert hub.repositories == {}
    assert command("push", run.path, "ada/cats", "--license", "mit", "--private").returncode == 0
    assert hub.repositories["ada/cats"].private and card_of(hub, "ada/cats")[0]["license"] == "mit"
    for content in hub.repositories["ada/cats"].files.values():
        assert str(tmp_path).encode() not in content


def test_a_classifier(hub: Hub, tmp_path: Path) -> None:
    run = gencl.train("digits-mlp", "sgd", 0, tmp_path / "run", set=tiny("digits-mlp"), progress="silent")
    run.push("ada/mlp")
    about, text = card_of(hub, "ada/mlp")
    assert about["pipeline_tag"] == "image-classification" and "samples.png" not in text
    assert "samples.png" not in hub.repositories["ada/mlp"].files
    assert gencl.load_run("hf:ada/mlp").metrics["summary"] == run.metrics["summary"]


def test_names_that_are_absent_private_or_malformed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    gencl.load_run(MODEL).push("ada/secret", private=True)
    assert gencl.load_run("hf:ada/secret").card.seed == 0
    assert "hf:ada/digits@no has no such revision" in _no_revision(hub)
    for name in ("hf:", "hf:ada", "hf:ada/", "hf:a/b/c", "hf:ada/x y", "hf:ada/..", "hf:../etc", "hf:ada/x@", "hf:/x"):
        assert "is no name on the Hub; write hf:OWNER/NAME" in refused("sample", name)
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", constants.HF_HUB_CACHE + "-2")
    for name in ("hf:ada/absent", "hf:ada/secret"):
        assert f"there is no {name}, or it is private and your token does not open it" in refused("sample", name)


def _no_revision(hub: Hub) -> str:
    hub.repositories["ada/digits"] = Repository(dict(hub.repositories["ada/secret"].files))
    return refused("sample", "hf:ada/digits@no")


def test_tokens_that_are_wrong(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories["ada/public"] = Repository()
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    for words in (["push", MODEL, "ada/digits"], ["sample", "hf:ada/public"]):
        assert "the Hub does not accept your token; hf auth login, or $HF_TOKEN" in refused(*words)
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert "it needs the permission to write to ada/digits" in refused("push", MODEL, "ada/digits")
    monkeypatch.setenv("HF_TOKEN", "")
    assert "hf auth login, or $HF_TOKEN" in refused("push", MODEL, "ada/digits")


def test_repositories_of_something_else(hub: Hub) -> None:
    hub.repositories["ada/pickles"] = Repository({"config.json": b"{}", "pytorch_model.bin": b"\x80\x04"})
    hub.repositories["ada/half"] = Repository({"model.json": b"{}", "weights.pt": b"\x80\x04"})
    hub.repositories["ada/other"] = Repository({"data.csv": b"1"})
    hub.repositories["ada/damaged"] = Repository({"model.json": b"{}", "model.safetensors": b"\x80\x04"})
    shown = refused("sample", "hf:ada/pickles")
    assert "hf:ada/pickles has no model.json, only pickles (pytorch_model.bin), which gencl never opens" in shown
    assert "hf:ada/half has no model.safetensors, only pickles (weights.pt)" in refused("sample", "hf:ada/half")
    assert "hf:ada/other is no model of gencl: it has no model.json" in refused("sample", "hf:ada/other")
    assert "model.json is damaged" in refused("sample", "hf:ada/damaged")
    assert "holds something else (data.csv, ...)" in refused("push", MODEL, "ada/other")
    assert hub.asked == ["model.json", "model.safetensors"]  # of the damaged one
    assert hub.repositories["ada/other"].files == {"data.csv": b"1"}


def test_a_hub_that_does_not_answer(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gencl.load_run(MODEL).push("ada/digits")
    gencl.load_run("hf:ada/digits")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the port of a service that nobody runs
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{revision}/{filename}")
    assert (
        "the Hub fails or does not answer; hf:ada/digits is taken from the cache"
        in command("sample", "hf:ada/digits", "--out", tmp_path / "x.png").stderr
    )
    assert (tmp_path / "x.png").is_file()
    with pytest.raises(GenclError, match="hf:ada/others: the Hub cannot be reached, or it failed"):
        gencl.load_run("hf:ada/others")
    assert "the Hub cannot be reached" in refused("push", MODEL, "ada/digits")


def test_a_hub_whose_servers_fail(hub: Hub, tmp_path: Path) -> None:
    gencl.load_run(MODEL).push("ada/digits")
    gencl.load_run("hf:ada/digits")
    hub.failing = 503
    done = command("sample", "hf:ada/digits", "--out", tmp_path / "x.png")
    assert done.returncode == 0 and "hf:ada/digits is taken from the cache" in done.stderr
    shown = refused("sample", "hf:ada/others")
    assert "hf:ada/others: the Hub cannot be reached, or it failed: " in shown and "503" in shown
    hub.failing = 429  # too many requests: the Hub works, and this is its answer
    assert "429" in refused("sample", "hf:ada/digits")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["push", MODEL, "digits"], "digits is no name on the Hub; write hf:OWNER/NAME"),
        (["push", MODEL, "ada/digits@main"], "gencl pushes to the main branch"),
        (["push", MODEL, "ada/digits", "--license", "My own"], "--license My own: give an identifier"),
        (["push", "nowhere", "ada/digits"], "nowhere does not exist"),
    ],
)
def test_wrong_use(arguments: list[str], message: str, hub: Hub) -> None:
    assert message in refused(*arguments) and hub.repositories == {}


def test_a_run_that_is_not_finished(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(json.dumps({}))
    assert refused("push", tmp_path, "ada/digits", "--license", "mit") and hub.repositories == {}
