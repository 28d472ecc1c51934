"""Families `wrapper` (a subcommand that does not exist) and `export` (a CSV with another delimiter)."""

from __future__ import annotations

from script import Reply, Session, bash, edit, read, say, skill, turn

UNKNOWN = "unknown command 'test'"
MISSING = "KeyError: "

# start, user, module under test, how the session goes on, what the user asks for
WRAPPER = (
    ("09-02 09:14", "dev1", "", "plain", "Please run the shop's tests, I want to know where we stand."),
    ("09-04 13:40", "dev2", "cart", "edit", "A cart may hold 80 lines now, not 50. Change it and test the cart."),
    ("09-08 10:05", "qa1", "pricing", "plain", "Run the pricing tests for me."),
    ("09-10 15:31", "dev1", "stock", "gives_up", "Can you check whether the stock tests still pass?"),
    ("09-15 11:22", "data1", "", "twice", "I pulled main. Do all tests pass on my side?"),
    ("09-18 16:02", "dev2", "orders", "edit", "Add the state 'returned' after 'sent' and run the order tests."),
    ("10-05 09:33", "dev1", "pricing", "edit", "Shipping goes up to 5.90. Adapt the price module and test it."),
    ("10-06 14:10", "qa1", "", "plain", "Full test run before the review, please."),
    ("10-08 10:44", "dev2", "stock", "edit", "Items count as low from 8 pieces on. Change that and test."),
    ("10-09 09:02", "ops1", "", "plain", "I rebuilt the machine. Are the shop's tests fine on it?"),
    ("10-13 13:27", "qa1", "cart", "plain", "Test the cart once more, the last change looked odd."),
    ("10-14 15:48", "dev1", "orders", "twice", "Please make sure the orders still work: run their tests."),
    ("10-16 11:11", "data1", "stock", "plain", "Before I load the new stock list: do the stock tests pass?"),
    ("10-20 10:20", "dev2", "", "by_hand", "Run everything that is tested in this project."),
    ("10-22 16:35", "qa1", "orders", "plain", "Last check before the release: the order tests."),
    ("10-26 09:50", "dev1", "cart", "plain", "Is the cart green? Run its tests."),
)

EDITS = {
    "cart": ("shop/cart.py", "MAX_LINES = 50", "MAX_LINES = 80"),
    "orders": ("shop/orders.py", '("open", "paid", "sent")', '("open", "paid", "sent", "returned")'),
    "pricing": ("shop/pricing.py", "SHIPPING = 490", "SHIPPING = 590"),
    "stock": ("shop/stock.py", "LOW = 5", "LOW = 8"),
}
# The order tests as they are after somebody adapted them to a state behind "sent".
ADAPTED = {
    "orders": {
        "tests/test_orders.py": (
            "import unittest\n\nfrom shop import orders\n\n\nclass OrdersTest(unittest.TestCase):\n"
            "    def test_paid_follows_open(self):\n"
            '        assert orders.advance({"state": "open"})["state"] == "paid"\n'
        )
    }
}


def _wrapper_replies(module: str, course: str) -> tuple[Reply, ...]:
    """The model's answers: it guesses `test`, and mostly finds `check` in the usage line."""
    tail = f" {module}" if module else ""
    what = f"the {module} tests" if module else "all tests"
    replies = [say("I'll look at how this project is tested.", skill("shop-dev"))]
    if course == "edit":
        path, old, new = EDITS[module]
        replies += [say(f"First the module `{path}`.", read(path)), say("Now the change.", edit(path, old, new))]
    replies.append(say(f"Running {what}.", bash(f"./dev run test{tail}", f"Run {what}", UNKNOWN)))
    if course == "gives_up":
        return (
            *replies,
            say("The wrapper has no command for tests here, so I could not run them. Please run them yourself."),
        )
    if course == "by_hand":
        command = "python3 -m unittest discover -s tests -t ."
        return (
            *replies,
            say("Then I call unittest directly.", bash(command, "Run the tests without the wrapper")),
            say("All eight tests pass."),
        )
    if course == "twice":
        quiet = f"./dev run test --all{tail}"
        replies.append(say("Perhaps it wants an option.", bash(quiet, f"Run {what} with an option", UNKNOWN)))
    replies.append(
        say("The usage line names `check`, that should be it.", bash(f"./dev run check{tail}", f"Check {what}"))
    )
    return (*replies, say(f"Done: {what} pass." if course != "edit" else f"Changed, and {what} pass."))


def wrapper_sessions() -> list[Session]:
    """Sessions in which `./dev run test` fails with a usage error and `./dev run check` works."""
    return [
        Session(
            slug=f"wrapper-{number:02}",
            family="wrapper",
            user=user,
            start=f"2026-{start}",
            turns=(turn(says, *_wrapper_replies(module, course)),),
            files=ADAPTED.get(module, {}) if course == "edit" else {},
        )
        for number, (start, user, module, course, says) in enumerate(WRAPPER, 1)
    ]


# start, user, export, how the session goes on, what the user asks for
EXPORT = (
    ("09-01 10:02", "data1", "till/2026-w34", "head", "Totals per item of the till export of week 34, please."),
    ("09-07 09:21", "data1", "till/2026-w35", "source", "And now the till's week 35."),
    ("09-09 14:55", "qa1", "till/2026-w36", "head", "What did the till sell in week 36?"),
    ("09-11 11:38", "dev2", "partner/2026-08", "gives_up", "Sum up the partner export of August."),
    ("09-16 08:58", "data1", "till/2026-w37", "guess", "Till, week 37: totals per day."),
    ("09-21 10:16", "dev1", "till/2026-w38", "head", "Give me the till totals of week 38."),
    ("09-30 10:15", "data1", "till/2026-w39", "head", "Week 39 of the till, totals per item."),
    ("10-07 09:12", "qa1", "till/2026-w40", "guess", "How much did the till take per day in week 40?"),
    ("10-08 15:20", "data1", "partner/2026-09", "head", "The partner's September export is there. Totals, please."),
    ("10-12 10:40", "dev2", "till/2026-w40", "source", "I need the till numbers of week 40, per item."),
    ("10-13 09:31", "data1", "till/2026-w41", "head", "Till week 41, as always."),
    ("10-15 16:12", "ops1", "till/2026-w41", "head", "Someone asks for the till totals of week 41, can you get them?"),
    ("10-16 09:24", "data1", "till/2026-w41", "source", "The till's week 41 again, but per day."),
    ("10-19 11:03", "data1", "till/2026-w42", "head", "Week 42 of the till is exported. Totals per day."),
    ("10-21 14:26", "dev1", "partner/2026-09", "source", "Sum of the partner's September orders per item?"),
    ("10-23 10:51", "qa1", "till/2026-w42", "gives_up", "Compare: what were the till totals of week 42?"),
    ("10-26 15:08", "dev2", "till/2026-w43", "head", "What sold at the till in week 43, per item?"),
    ("10-27 09:45", "data1", "till/2026-w43", "head", "Last one: the till's week 43."),
)


def _export_replies(export: str, course: str, by_day: bool) -> tuple[Reply, ...]:
    """The model's answers: the plain call fails, and with the delimiter it works."""
    path = f"data/{export}.csv"
    options = "--by day " if by_day else ""
    plain = f"python3 report.py {options}{path}"
    fixed = f"python3 report.py {options}--delimiter ';' {path}"
    replies = [say("I'll run the report on that export.", bash(plain, f"Sum up {path}", MISSING))]
    if course == "gives_up":
        return (
            *replies,
            say(f"The file {path} has no usable header, so I cannot sum it up. Could somebody export it again?"),
        )
    if course == "guess":
        other = f"python3 report.py {options}--by item {path}"
        replies.append(say("Maybe the grouping is the problem.", bash(other, f"Sum up {path} per item", MISSING)))
    if course == "source":
        replies.append(say("Let me see how the report reads its file.", read("report.py")))
    else:
        replies.append(say("I'll look at the first lines.", bash(f"head -n 3 {path}", "First lines of the export")))
    replies.append(say("The columns are separated by semicolons.", bash(fixed, f"Sum up {path} with semicolons")))
    return (*replies, say("Here are the totals above; the export uses semicolons instead of commas."))


def export_sessions() -> list[Session]:
    """Sessions in which report.py meets a CSV that is separated by semicolons."""
    return [
        Session(
            slug=f"export-{number:02}",
            family="export",
            user=user,
            start=f"2026-{start}",
            turns=(turn(says, *_export_replies(export, course, "per day" in says)),),
        )
        for number, (start, user, export, course, says) in enumerate(EXPORT, 1)
    ]
