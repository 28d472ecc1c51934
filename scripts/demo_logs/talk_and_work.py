"""Families `correction` (a vague request), `work` (failing tests) and `agent` (a sub-agent)."""

from __future__ import annotations

from script import Call, Session, bash, edit, read, say, skill, turn


def correction_sessions() -> list[Session]:
    """Sessions in which the user has to say again what was meant."""
    undo = say("I put it back.", bash("git checkout -- shop/cart.py", "Undo the change"))
    return [
        Session(
            "correction-01",
            "correction",
            "dev1",
            "2026-09-02 14:20",
            (
                turn(
                    "Make the cart nicer.",
                    say("I'll read it first.", read("shop/cart.py")),
                    say(
                        "Clearer names help most.",
                        edit("shop/cart.py", "def size(self):", "def number_of_pieces(self):"),
                    ),
                    say("`size` is now called `number_of_pieces`."),
                ),
                turn(
                    "No, I meant the error message when the cart is full, not the names. Undo that.",
                    undo,
                    say("", read("shop/cart.py")),
                    say(
                        "Now the message.",
                        edit("shop/cart.py", '"cart is full"', 'f"a cart holds at most {MAX_LINES} lines"'),
                    ),
                    say("The names are as before, and the message says how many lines a cart holds."),
                ),
            ),
        ),
        Session(
            "correction-02",
            "correction",
            "data1",
            "2026-09-10 10:11",
            (
                turn(
                    "Show me the numbers of the shop.",
                    say("The size of its modules, then.", bash("./dev run stats", "Lines of each module")),
                    say("Those are the lines of each module."),
                ),
                turn(
                    "No, I meant what is in stock.",
                    say("", bash("./dev run seed", "The stock at the start")),
                    say("40 mugs, 12 lamps and 6 chairs."),
                ),
            ),
        ),
        Session(
            "correction-03",
            "correction",
            "qa1",
            "2026-09-16 13:32",
            (
                turn(
                    "把报表改一下。",
                    say("我先看一下报表的代码。", read("report.py")),
                    say("我把列宽加大一点。", edit("report.py", "{name:<12}", "{name:<20}")),
                    say("名称一列现在宽 20 个字符。"),
                ),
                turn(
                    "不对，我的意思是金额要右对齐并加上货币，不是列宽。",
                    say("我先撤销。", bash("git checkout -- report.py", "撤销刚才的修改")),
                    say("", read("report.py")),
                    say("现在改金额。", edit("report.py", "{amount / 100:>10.2f}", "{amount / 100:>10.2f} EUR")),
                    say("列宽已恢复，金额后面加上了货币。"),
                ),
            ),
        ),
        Session(
            "correction-04",
            "correction",
            "dev2",
            "2026-09-23 09:48",
            (
                turn(
                    "Clean up the stock module.",
                    say("", read("shop/stock.py")),
                    say(
                        "The seed looks unused.",
                        edit("shop/stock.py", 'SEED = {"mug": 40, "lamp": 12, "chair": 6}\n', ""),
                    ),
                    say("I removed the unused seed."),
                ),
                turn(
                    "That's wrong, the seed is used by the wrapper. Revert it. I only wanted the docstrings shorter.",
                    say("Sorry, I put it back.", bash("git checkout -- shop/stock.py", "Undo the change")),
                    say("", read("shop/stock.py")),
                    say(
                        "",
                        edit(
                            "shop/stock.py", '"""Items that should be ordered again."""', '"""Items to order again."""'
                        ),
                    ),
                    say("The seed is back, and a docstring is shorter."),
                ),
            ),
        ),
        Session(
            "correction-05",
            "correction",
            "qa1",
            "2026-10-07 15:57",
            (
                turn(
                    "看看库存的问题。",
                    say("我先跑库存的测试。", bash("./dev run check stock", "运行库存测试")),
                    say("库存测试全部通过。"),
                ),
                turn(
                    "不是这个，我要的是哪些商品快没货了。",
                    say("", bash("./dev run seed", "列出初始库存")),
                    say("按初始库存，没有商品低于 5 件；最少的是 chair，6 件。"),
                ),
            ),
        ),
        Session(
            "correction-06",
            "correction",
            "dev2",
            "2026-10-21 10:09",
            (
                turn(
                    "Update the settings for the new stage.",
                    say("", read("config/settings.ini")),
                    say("", edit("config/settings.ini", "name = staging", "name = new-stage")),
                    say("The stage is called new-stage now."),
                ),
                turn(
                    "No, I meant add a second section for it, the old one has to stay.",
                    say(
                        "",
                        edit(
                            "config/settings.ini",
                            "name = new-stage\n",
                            "name = staging\n\n[stage-2]\nname = staging-2\n",
                        ),
                    ),
                    say("The old section is as it was, and `[stage-2]` is new."),
                ),
            ),
        ),
    ]


WRONG_TEST = (
    "import unittest\n\nfrom shop.pricing import discount\n\n\nclass PricingTest(unittest.TestCase):\n"
    "    def test_half_price(self):\n        assert discount(1000, 50) == 500\n"
)
BROKEN_PRICING = (
    '"""Prices in cents."""\n\n\n'
    'def discount(amount, percent):\n    """Less some percent."""\n    return amount - percent\n'
)
BROKEN_STOCK = (
    '"""Stock."""\n\nLOW = 5\n\n\n'
    'def low(stock):\n    """Items to order again."""\n    return [item for item in stock if stock[item] > LOW]\n'
)
STOCK_TEST = (
    "import unittest\n\nfrom shop import stock\n\n\nclass StockTest(unittest.TestCase):\n"
    '    def test_low_items_are_named(self):\n        assert stock.low({"mug": 3, "lamp": 9}) == ["mug"]\n'
)


def work_sessions() -> list[Session]:
    """Sessions in which tests fail because the code is broken: that is the work, not a mistake."""
    return [
        Session(
            "work-01",
            "work",
            "dev1",
            "2026-09-16 09:26",
            (
                turn(
                    "Discounts are wrong since yesterday. Find out why.",
                    say("", bash("python3 -m unittest tests.test_pricing", "Run the pricing tests", "AssertionError")),
                    say("The test fails. Here is the code.", read("shop/pricing.py")),
                    say(
                        "It subtracts the percent itself.",
                        edit("shop/pricing.py", "amount - percent", "round(amount * (100 - percent) / 100)"),
                    ),
                    say("", bash("python3 -m unittest tests.test_pricing", "Run the pricing tests again")),
                    say("The discount was taken as cents; it is a percentage again, and the test passes."),
                ),
            ),
            files={"shop/pricing.py": BROKEN_PRICING, "tests/test_pricing.py": WRONG_TEST},
        ),
        Session(
            "work-02",
            "work",
            "dev2",
            "2026-10-13 16:28",
            (
                turn(
                    "The list of low items shows everything that is in stock. Fix it.",
                    say("", skill("shop-dev")),
                    say("", bash("./dev run check stock", "Run the stock tests", "AssertionError")),
                    say("", read("shop/stock.py")),
                    say(
                        "The comparison is the wrong way round.",
                        edit("shop/stock.py", "stock[item] > LOW", "stock[item] <= LOW"),
                    ),
                    say("", bash("./dev run check stock", "Run the stock tests again")),
                    say("The comparison was the wrong way round. The test passes."),
                ),
            ),
            files={"shop/stock.py": BROKEN_STOCK, "tests/test_stock.py": STOCK_TEST},
        ),
    ]


AGENT_PROMPT = "Find every place in this project where prices are added up, and name file and function."


def agent_sessions() -> list[Session]:
    """One session that hands a search to a sub-agent."""
    task = {"description": "Find price sums", "prompt": AGENT_PROMPT, "subagent_type": "general-purpose"}
    found = "Prices are added up in shop/pricing.py, function total; shop/orders.py only calls it."
    return [
        Session(
            "agent-01",
            "agent",
            "dev1",
            "2026-09-22 10:33",
            (
                turn(
                    "Where do we add up prices? I want to round in one place only.",
                    say("I'll have that searched.", Call("Agent", task)),
                    say("", read("shop/pricing.py")),
                    say("Only `total` in shop/pricing.py adds up prices, so rounding belongs there."),
                ),
            ),
            agent_prompt=AGENT_PROMPT,
            agent_replies=(
                say("", bash("grep -rn 'sum(' shop report.py", "Look for sums")),
                say("", read("shop/orders.py"), read("shop/ordering.py", "File does not exist")),
                say(found),
            ),
        ),
    ]
