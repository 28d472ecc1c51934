"""Settings: precedence, sources, and what is refused where."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memento_skills.app.settings import Settings, default_store, load, project_file, unknown_variables
from memento_skills.errors import UsageError


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """(home, project, user folder)."""
    home, project, user = tmp_path / "home", tmp_path / "home" / "work", tmp_path / "home" / "config"
    for folder in (project, user):
        folder.mkdir(parents=True)
    return home, project, user


def test_flags_win_over_environment_over_project_over_user(places: tuple[Path, Path, Path]) -> None:
    home, project, user = places
    (user / "config.toml").write_text('tenant = "user"\nsplit = 0.5\nseed = 1\nsince = "1d"\n')
    (project / "memento.toml").write_text('tenant = "project"\nsplit = 0.7\nseed = 2\n')
    loaded = load({"tenant": "flag"}, {"MEMENTO_TENANT": "env", "MEMENTO_SPLIT": "0.8"}, project, home, user)
    assert (loaded.settings.tenant, loaded.settings.split, loaded.settings.seed) == ("flag", 0.8, 2)
    assert loaded.sources == {
        "tenant": "flag",
        "split": "MEMENTO_SPLIT",
        "seed": str(project / "memento.toml"),
        "since": str(user / "config.toml"),
    }


def test_an_unknown_key_names_the_file_and_the_nearest_known_one(places: tuple[Path, Path, Path]) -> None:
    home, project, user = places
    (project / "memento.toml").write_text("propsals = 3\n")
    with pytest.raises(UsageError, match=r"propsals.*memento\.toml.*proposals"):
        load({}, {}, project, home, user)


@pytest.mark.parametrize("line", ["split = 2.0", 'split = "many"', "proposals = 0", "skills = 3", "tenant = []"])
def test_a_wrong_value_names_key_and_file(line: str, places: tuple[Path, Path, Path]) -> None:
    home, project, user = places
    (project / "memento.toml").write_text(line)
    with pytest.raises(UsageError, match=line.split(maxsplit=1)[0] + r".*memento\.toml"):
        load({}, {}, project, home, user)


@pytest.mark.parametrize("line", ['plugins = ["readers=evil:Reader"]', 'curator = "somebody"'])
def test_a_project_may_not_name_code_to_run_or_the_person_who_decides(
    line: str, places: tuple[Path, Path, Path]
) -> None:
    home, project, user = places
    (project / "memento.toml").write_text(line)
    with pytest.raises(UsageError, match="personal"):
        load({}, {}, project, home, user)
    (project / "memento.toml").rename(user / "config.toml")
    load({}, {}, project, home, user)


def test_pyproject_is_read_where_it_has_the_table_and_paths_are_relative_to_it(
    places: tuple[Path, Path, Path],
) -> None:
    home, project, user = places
    (project / "pyproject.toml").write_text('[tool.memento]\nstore = "data/s.db"\nskills = ["~/mine", "ours"]\n')
    below = project / "src" / "deep"
    below.mkdir(parents=True)
    settings = load({}, {}, below, home, user).settings
    assert settings.store == str(project / "data" / "s.db")
    assert settings.skills == (str(home / "mine"), str(project / "ours"))


def test_a_pyproject_of_others_is_none_of_our_business(places: tuple[Path, Path, Path]) -> None:
    home, project, user = places
    (project / "pyproject.toml").write_text("this is = = no toml")
    assert load({}, {}, project, home, user).settings == Settings()


def test_the_search_ends_at_the_repository(places: tuple[Path, Path, Path]) -> None:
    home, project, _ = places
    (home / "memento.toml").write_text("seed = 1\n")
    (project / ".git").mkdir()
    (project / ".memento").mkdir()
    inner = project / "inner"
    inner.mkdir()
    assert project_file(inner, home) is None
    assert default_store(inner, home, home / "state") == project / ".memento" / "store.db"
    assert default_store(home, home, home / "state") == home / "state" / "store.db"


def test_words_to_mask_are_counted_but_not_shown(places: tuple[Path, Path, Path]) -> None:
    home, project, user = places
    (user / "config.toml").write_text('mask = ["hush", "quiet"]\n')
    shown = {row.name: row.value for row in load({}, {}, project, home, user).listed()}
    assert shown["mask"] == "(2 hidden)"


def test_variables_that_nothing_reads_are_named() -> None:
    env = {"MEMENTO_TENANT": "a", "MEMENTO_TENNANT": "b", "MEMENTO_TEST_DATA": "c", "PATH": "d"}
    assert unknown_variables(env) == ("MEMENTO_TENNANT",)


def test_files_that_are_no_toml_are_said(places: tuple[Path, Path, Path]) -> None:
    home, project, user = places
    (project / "memento.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        load({}, {}, project, home, user)


@given(st.dictionaries(st.sampled_from(Settings.__struct_fields__), st.text(st.characters(exclude_characters="\0"))))
@example({"split": "\ud800"})
def test_no_environment_gives_anything_but_settings_or_a_usage_error(values: dict[str, str]) -> None:
    nowhere = Path("/nonexistent")
    env = {f"MEMENTO_{k.upper()}": v for k, v in values.items()}
    try:
        loaded = load({}, env, nowhere, nowhere, nowhere)
    except UsageError:
        return
    assert set(loaded.sources.values()) <= env.keys()
