"""Parts by entry point: found, loaded, or named with what is wrong."""

from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.app import plugins
from memento_skills.errors import UsageError


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group="memento_skills.readers")


def test_a_part_is_loaded_by_its_target() -> None:
    (found,) = plugins.find("readers", points=[point("any", "collections:OrderedDict")])
    assert (found.plugin.problem, found.made.__name__) == ("", "OrderedDict")


@pytest.mark.parametrize(
    ("value", "said"),
    [("no_such_module_at_all:X", "No module"), ("collections:Nope", "Nope"), ("math:pi", "no class or function")],
)
def test_a_broken_plugin_is_one_line_naming_it_and_the_rest_goes_on(value: str, said: str) -> None:
    broken, fine = plugins.find("readers", points=[point("a", value), point("b", "collections:deque")])
    assert said in broken.plugin.problem
    assert "\n" not in broken.plugin.problem
    assert fine.made is not None


def test_a_setting_names_a_part_by_module_and_name() -> None:
    extra = ["gates=collections:deque", "gates=missing_module:X", "readers=math:sqrt"]
    fine, broken = plugins.find("gates", extra, points=[])
    assert (fine.made.__name__, fine.plugin.package) == ("deque", "settings")
    assert broken.made is None
    assert "missing_module" in broken.plugin.problem


@given(st.text(max_size=30))
def test_a_malformed_setting_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"package\.module:Name"):
        plugins.find("readers", [text], points=[])


def test_every_built_in_loads() -> None:
    assert [plugin for plugin in plugins.listed() if plugin.problem] == []
