"""Words of the command line: none is dropped without a sentence."""

import argparse

import pytest

from dmlseg_core.cli.entry import build_parser
from dmlseg_core.train.command import build_parser as build_train_parser


def parsers():
    """Every command's, by its name."""
    whole = build_parser(build_train_parser())
    (commands,) = [a for a in whole._actions if isinstance(a, argparse._SubParsersAction)]
    return commands.choices


FLAGS = [
    (name, action)
    for name, parser in parsers().items()
    for action in parser._actions
    if action.option_strings and action.nargs != 0 and action.default is not argparse.SUPPRESS
]


def words_for(action):
    """The flag with values that it takes."""
    legal = (*(action.choices or ()), "a", "1,2", "1", ".5", "1/2", "labels", "black=navy", "300")
    word = next(text for text in legal if takes(action, text))
    return [action.option_strings[-1], *[word] * (action.nargs if type(action.nargs) is int else 1)]


def takes(action, text):
    try:
        return action.type is None or action.type(text) is not None
    except (argparse.ArgumentTypeError, ValueError):
        return False


@pytest.mark.parametrize(("name", "action"), FLAGS, ids=lambda v: getattr(v, "dest", v))
def test_a_flag_that_is_given_twice_adds_up_or_is_refused(name, action, capsys):
    parser = parsers()[name]
    for other in parser._actions:
        other.required = other.required and not other.option_strings
    for group in parser._mutually_exclusive_groups:
        group.required = False
    places = {"recolor": ["a.jpg"], "segment": ["a.jpg"], "average": ["a", "b"], "merge": ["a"],
              "rescale": ["a"], "calibrate": ["a"]}.get(name, [])  # fmt: skip
    words = words_for(action)
    try:
        found = parser.parse_args([*places, *words, *words])
    except SystemExit as end:
        assert end.code == 2
        err = capsys.readouterr().err
        assert "given twice, and it is taken once" in err and len(err.splitlines()) == 1
    else:
        assert len(getattr(found, action.dest)) == 2


@pytest.mark.parametrize("words", [
    ["segment", "a", "-o", "b", "--connected", "--no-connected"],
    ["app", "--no-api", "--api"], ["app", "--inbrowser", "--no-inbrowser"],
])  # fmt: skip
def test_a_flag_and_its_opposite_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(words)
    assert f"{words[-2]} was given too" in capsys.readouterr().err


def test_a_parser_may_be_used_again():
    parser = build_parser()
    for _ in range(2):
        assert parser.parse_args(["segment", "a", "-o", "b", "--tau", ".5"]).tau == 0.5
