"""Family `healthy`: sessions without trouble, in which the same commands work."""

from __future__ import annotations

from script import Reply, Session, bash, edit, read, say, skill, turn, write

GIFT_TEST = (
    "import unittest\n\nfrom shop.gifts import note\n\n\nclass GiftsTest(unittest.TestCase):\n"
    "    def test_long_notes_are_cut(self):\n        assert len(note('x' * 100)) == 80\n"
)
GIFTS = '"""Gift notes."""\n\n\ndef note(text):\n    """At most 80 characters."""\n    return text[:80]\n'


def _calls(says: str, *replies: Reply, end: str) -> tuple[str, tuple[Reply, ...]]:
    return says, (*replies, say(end))


def _healthy_early() -> list[tuple[str, str, tuple[str, tuple[Reply, ...]]]]:
    status = say("", bash("git status --short --branch", "State of the work tree"))
    listing = say("", bash("ls", "Files of the project"), bash("ls data/web", "Exports of the web shop"))
    return [
        (
            "09-01 09:05",
            "dev1",
            _calls(
                "I'm back from holiday. What does this project look like, and do the tests pass?",
                listing,
                status,
                say("", read("README.md")),
                say("", read("dev")),
                say("", read("shop/cart.py"), read("shop/orders.py")),
                say("", bash("./dev run stats", "Size of the modules")),
                say("", bash("./dev run check", "Check everything")),
                end="Four small modules behind one wrapper; all tests pass.",
            ),
        ),
        (
            "09-03 09:12",
            "data1",
            _calls(
                "Is the web export of week 35 complete, and what are its totals?",
                say("", bash("ls data/web", "Exports of the web shop")),
                say("", bash("head -n 3 data/web/2026-w35.csv", "First lines of the export")),
                say("", bash("tail -n 3 data/web/2026-w35.csv", "Last lines of the export")),
                say("", bash("wc -l data/web/2026-w34.csv data/web/2026-w35.csv", "Rows, also of the week before")),
                say("", bash("python3 report.py data/web/2026-w35.csv", "Totals of week 35")),
                end="It has as many rows as the week before, and the totals are above.",
            ),
        ),
        (
            "09-07 14:30",
            "dev2",
            _calls(
                "Let remove() say when an item is not in the cart, with a test.",
                say("", skill("shop-dev")),
                say("", read("shop/cart.py"), read("tests/test_cart.py")),
                say(
                    "",
                    edit("shop/cart.py", "self.lines.pop(item, None)", "return self.lines.pop(item, None) is not None"),
                ),
                say("", edit("tests/test_cart.py", 'cart.remove("mug")', 'assert cart.remove("mug")')),
                say("", bash("./dev run fmt", "Format")),
                say("", bash("./dev run check cart", "Check the cart")),
                say("", bash("git diff --stat", "What changed")),
                status,
                end="`remove` answers whether the item was there, and the test asks for it.",
            ),
        ),
        (
            "09-11 13:25",
            "qa1",
            _calls(
                "Which modules have no docstring in their tests, and is everything green?",
                say("", bash("grep -rLn 'def test_' tests", "Test files without tests")),
                say("", bash("./dev run check", "Check everything")),
                say("", bash("grep -c 'def test_' tests/test_cart.py tests/test_orders.py", "Count tests")),
                say("", read("tests/test_orders.py"), read("tests/test_stock.py")),
                say("", bash("./dev run stats", "Size of the modules")),
                end="All modules have tests, none has docstrings in them, and everything is green.",
            ),
        ),
        (
            "09-14 15:02",
            "ops1",
            _calls(
                "What would we ship from main today?",
                status,
                say("", bash("git branch --list", "Branches")),
                say("", read("CHANGELOG.md")),
                say("", read("config/settings.ini")),
                say("", bash("./dev run check", "Check everything")),
                say("", bash("grep -n stage config/settings.ini", "The stage")),
                end="One changelog entry, clean tree, tests pass.",
            ),
        ),
        (
            "09-18 10:18",
            "data1",
            _calls(
                "Per-day totals of the web shop, week 37; is it as long as week 36?",
                say("", bash("head -n 3 data/web/2026-w37.csv", "First lines of the export")),
                say("", bash("wc -l data/web/2026-w36.csv data/web/2026-w37.csv", "Rows of both weeks")),
                say("", bash("python3 report.py --by day data/web/2026-w37.csv", "Week 37 per day")),
                end="The totals are above; both weeks have the same number of rows.",
            ),
        ),
        (
            "09-21 14:44",
            "dev2",
            _calls(
                "Write a small module for gift notes with a test.",
                say("", skill("shop-dev")),
                say("", bash("ls shop tests", "Modules and tests")),
                say("", read("shop/cart.py")),
                say(
                    "",
                    write(
                        "shop/gifts.py",
                        GIFTS,
                    ),
                ),
                say(
                    "",
                    write(
                        "tests/test_gifts.py",
                        GIFT_TEST,
                    ),
                ),
                say("", bash("./dev run check gifts", "Check the new module")),
                say("", bash("./dev run check", "Check everything")),
                status,
                end="`shop/gifts.py` and its test are there and pass.",
            ),
        ),
        (
            "09-24 09:30",
            "qa1",
            _calls(
                "Is the handling of empty carts tested anywhere?",
                say("", bash("grep -rn 'Cart()' tests", "Where carts are made")),
                say("", read("tests/test_cart.py")),
                say("", read("shop/cart.py")),
                say("", bash("find . -name 'test_*.py' -not -path './.git/*'", "All test files")),
                end="Only indirectly: the removal test ends with an empty cart.",
            ),
        ),
        (
            "09-25 11:15",
            "dev1",
            _calls(
                "Prepare the changelog for the new error text of the cart.",
                say("", skill("changelog")),
                say("", read("CHANGELOG.md")),
                say("", bash("git diff --stat", "Anything open?")),
                say(
                    "",
                    edit(
                        "CHANGELOG.md",
                        "- Carts hold at most 50 lines.\n",
                        "- Carts hold at most 50 lines.\n- A full cart says so.\n",
                    ),
                ),
                say("", bash("git diff --stat", "What changed")),
                say("", bash("git status --short", "State of the work tree")),
                end="The entry is under Unreleased.",
            ),
        ),
        (
            "09-28 10:07",
            "data1",
            _calls(
                "Check that all web exports have the same header.",
                say("", bash("ls data/web", "Exports")),
                say(
                    "", bash("head -qn 1 data/web/2026-w33.csv data/web/2026-w34.csv data/web/2026-w35.csv", "Headers")
                ),
                say("", bash("wc -l data/web/2026-w33.csv data/web/2026-w38.csv", "Rows")),
                say("", bash("head -n 2 data/web/2026-w38.csv", "The newest one")),
                say("", read("report.py")),
                end="They have the same header, the one that the report wants.",
            ),
        ),
        (
            "10-02 10:40",
            "ops1",
            _calls(
                "Look for hard-coded stage names.",
                say("", bash("grep -rn staging config shop", "Stage names")),
                say("", read("config/settings.ini")),
                say("", read("deploy.sh")),
                say("", bash("grep -n deployed deploy.sh", "Where the stage's name goes")),
                say("", bash("wc -l deploy.sh config/settings.ini", "Sizes")),
                say("", bash("pytest -q", "Run the tests", "command not found")),
                say("", bash("./dev run check", "Check everything")),
                status,
                end="The stage is only named in the settings, and the tests pass.",
            ),
        ),
        (
            "10-02 14:10",
            "dev1",
            _calls(
                "Explain how an order gets its total, step by step.",
                say("", bash("grep -rn total shop", "Where totals are made")),
                say("", read("shop/orders.py")),
                say("", read("shop/pricing.py")),
                say("", read("shop/cart.py")),
                say("", read("tests/test_orders.py")),
                say("", read("tests/test_pricing.py")),
                say("", bash("./dev run check pricing", "See them pass")),
                say("", bash("./dev run check orders", "See them pass")),
                end="`place` takes the cart's lines, and `total` multiplies, adds and puts shipping on top below 50.",
            ),
        ),
    ]


def _healthy_late() -> list[tuple[str, str, tuple[str, tuple[Reply, ...]]]]:
    return [
        (
            "10-05 13:33",
            "data1",
            _calls(
                "Totals of the web shop, week 39.",
                say("", bash("python3 report.py data/web/2026-w39.csv", "Totals of week 39")),
                end="There they are.",
            ),
        ),
        (
            "10-12 13:19",
            "dev2",
            _calls(
                "Are the tests green after the merge?",
                say("", skill("shop-dev")),
                say("", bash("./dev run check", "Check everything")),
                end="Yes, all of them.",
            ),
        ),
        (
            "10-15 11:44",
            "qa1",
            _calls(
                "Till totals of week 40 once more; the columns are separated by semicolons.",
                say("", bash("python3 report.py --delimiter ';' data/till/2026-w40.csv", "Totals of the till")),
                end="There they are.",
            ),
        ),
        (
            "10-21 16:30",
            "dev1",
            _calls(
                "What did I leave uncommitted?",
                say("", bash("git status --short", "State of the work tree")),
                end="Nothing, the tree is clean.",
            ),
        ),
        (
            "10-27 14:02",
            "data1",
            _calls(
                "Web shop, week 43, totals per day.",
                say("", bash("python3 report.py --by day data/web/2026-w43.csv", "Week 43 per day")),
                end="There they are.",
            ),
        ),
    ]


def healthy_sessions() -> list[Session]:
    """Sessions in which the same commands work, with a rare slip that has nothing to do with the rest."""
    shop = [*_healthy_early(), *_healthy_late()]
    handbook = [
        (
            "09-15 14:22",
            "ops1",
            _calls(
                "Which pages does the handbook have?",
                say("", bash("ls pages", "Pages")),
                say("", read("README.md")),
                say("", read("pages/opening.md")),
                end="Three pages: exports, opening and returns.",
            ),
        ),
        (
            "10-19 09:55",
            "dev2",
            _calls(
                "Add to the opening page that QA has to agree.",
                say("", read("pages/openings.md", "File does not exist")),
                say("", bash("ls pages", "Pages")),
                say("", read("pages/opening.md")),
                say("", edit("pages/opening.md", "then deploy to staging", "then deploy to staging when QA agrees")),
                end="The page says it now.",
            ),
        ),
    ]
    rows = [(row, "shop") for row in shop] + [(row, "handbook") for row in handbook]
    return [
        Session(f"healthy-{number:02}", "healthy", user, f"2026-{start}", (turn(says, *replies),), project)
        for number, ((start, user, (says, replies)), project) in enumerate(rows, 1)
    ]
