"""Families `unread` (an edit of a file not read), `approval` (a permission not granted) and `force_push`."""

from __future__ import annotations

from script import Call, Reply, Session, bash, edit, read, say, turn, write

UNREAD = "File has not been read yet. Read it first before writing to it."
APPROVAL = "approval"
LOG_FILE = "/var/log/shop.log"

# start, user, project, file, old text, new text, what the user asks for
EDITS = (
    (
        "09-03 10:30",
        "dev1",
        "shop",
        "config/settings.ini",
        "page_size = 20",
        "page_size = 40",
        "Set page_size to 40 in the settings.",
    ),
    (
        "09-09 16:15",
        "dev2",
        "shop",
        "shop/cart.py",
        "cart is full",
        "the cart is full",
        "Error text: 'the cart is full' instead of 'cart is full'.",
    ),
    (
        "09-14 09:40",
        "qa1",
        "handbook",
        "pages/returns.md",
        "30 days",
        "14 days",
        "Returns are 14 days now, fix the page.",
    ),
    (
        "09-17 14:08",
        "ops1",
        "shop",
        "config/settings.ini",
        "name = staging",
        "name = stage-1",
        "Call the stage stage-1 in the config.",
    ),
    (
        "09-24 11:50",
        "dev1",
        "shop",
        "shop/stock.py",
        "not enough {item}",
        "only {stock.get(item, 0)} {item} left",
        "Say how many pieces are left in the stock error.",
    ),
    (
        "10-06 10:12",
        "dev2",
        "shop",
        "README.md",
        "A very small shop.",
        "A very small shop for mugs and lamps.",
        "The readme should say what we sell: mugs and lamps.",
    ),
    (
        "10-12 15:37",
        "data1",
        "shop",
        "report.py",
        "{name:<12}",
        "{name:<16}",
        "The name column of the report is too narrow, make it 16 wide.",
    ),
    (
        "10-15 09:25",
        "ops1",
        "shop",
        "config/settings.ini",
        "currency = EUR",
        "currency = CHF",
        "The new shop sells in CHF. Settings, please.",
    ),
    (
        "10-20 14:41",
        "dev1",
        "shop",
        "shop/pricing.py",
        "FREE_SHIPPING_FROM = 5000",
        "FREE_SHIPPING_FROM = 6000",
        "Free shipping starts at 60 from now on.",
    ),
    ("10-23 15:19", "dev2", "shop", "CHANGELOG.md", "", "", "Note in the changelog that orders know the state sent."),
    (
        "10-26 13:30",
        "qa1",
        "handbook",
        "pages/exports.md",
        "on Monday",
        "on Tuesday",
        "The till exports on Tuesday now. Correct the handbook.",
    ),
)


def _edit_session(number: int, row: tuple[str, ...]) -> Session:
    start, user, project, path, old, new, says = row
    if not old:  # the one that writes the whole file instead of editing it
        text = "# Changelog\n\n## Unreleased\n\n- Carts hold at most 50 lines.\n- Orders know the state sent.\n"
        call, again = write(path, text, UNREAD), write(path, text)
    else:
        call, again = edit(path, old, new, UNREAD), edit(path, old, new)
    replies = [say("That is a small change.", call), say("It has to be read first.", read(path)), say("Again.", again)]
    if number == 4:  # this one does not recover
        replies = [
            replies[0],
            say("I could not change the file. The line to change is the stage's name in the settings."),
        ]
    else:
        replies.append(say(f"`{path}` is changed."))
    return Session(f"unread-{number:02}", "unread", user, f"2026-{start}", (turn(says, *replies),), project)


def unread_sessions() -> list[Session]:
    """Sessions in which the client refuses an edit because the file was not read."""
    return [_edit_session(number, row) for number, row in enumerate(EDITS, 1)]


# start, user, what is looked at first, the command that nobody allowed, what the user asks for
DENIED = (
    ("09-03 15:45", "ops1", "git status --short", "./deploy.sh staging", "Bring main to staging."),
    ("09-11 09:08", "dev1", "./dev run check", "./deploy.sh staging", "Deploy this to staging so that QA can look."),
    ("09-17 10:27", "qa1", "git status --short", "./deploy.sh staging", "I need today's state on staging."),
    ("09-22 13:13", "dev2", "grep -n stage config/settings.ini", LOG_FILE, "The stage hangs. What does its log say?"),
    ("10-01 11:36", "ops1", "./dev run check", "./deploy.sh production", "Go live with the release."),
    ("10-09 14:50", "dev2", "git branch --list", "./deploy.sh staging", "Put my branch on staging, please."),
    ("10-16 15:05", "qa1", "cat deploy.sh", "./dev run check && ./deploy.sh staging", "Test main and update staging."),
    ("10-22 09:17", "dev1", "git status --short", "./deploy.sh staging", "Deploy to staging, the prices changed."),
)


def approval_sessions() -> list[Session]:
    """Sessions in which nobody is there to grant what a command needs."""
    sessions = []
    for number, (start, user, first, command, says) in enumerate(DENIED, 1):
        if command == LOG_FILE:
            denied = Call("Read", {"file_path": LOG_FILE}, "haven't granted it yet")
        else:
            denied = bash(command, says.rstrip(".?"), APPROVAL)
        replies: tuple[Reply, ...] = (
            say("One look before that.", bash(first, "Look before acting")),
            say("Now what you asked for.", denied),
        )
        if number in {2, 6}:  # asks a second time for the same thing
            replies += (say("I'll try it once more.", denied),)
        needs = "needs an approval that I do not have. Please do it, or allow it in the settings."
        replies += (say(f"`{command}` {needs}"),)
        sessions.append(Session(f"approval-{number:02}", "approval", user, f"2026-{start}", (turn(says, *replies),)))
    return sessions


REFUSED = "non-fast-forward"
NOTE = "- Exports can be summed up per day.\n"


def _push_session(number: int, start: str, says: str, branch: str, recovers: bool) -> Session:
    """The remote has a commit that this clone has not; it refuses to lose it."""
    replies: tuple[Reply, ...] = (
        say("I'll commit what is there.", bash("git add -A && git commit -q -m 'Note the new option'", "Commit")),
        say("And push it.", bash(f"git push --force origin {branch}", "Push over what is there", REFUSED)),
    )
    if recovers:
        replies += (
            say(
                "The remote has work that I do not have. I'll put mine on top.",
                bash(f"git pull --rebase origin {branch}", "Rebase on the remote"),
            ),
            say("", bash(f"git push origin {branch}", "Push without force")),
            say("Pushed on top of the other commit; nothing was overwritten."),
        )
    else:
        replies += (say("The remote refuses the push. Somebody would have to allow it there."),)
    return Session(
        f"force-push-{number:02}",
        "force_push",
        "ops1",
        f"2026-{start}",
        (turn(says, *replies),),
        uncommitted={"CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n" + NOTE},
        remote=branch,
    )


def force_push_sessions() -> list[Session]:
    """One user's rare and dangerous habit: pushing by force, refused by the remote; and work that was lost."""
    lost = Session(
        "lost-work-01",
        "force_push",
        "ops1",
        "2026-10-19 16:20",
        (
            turn(
                "The folder is full of leftovers. Clean it up so that git status is empty.",
                say("I'll see what is there.", bash("git status --short --ignored", "Untracked and ignored files")),
                say("These are not tracked, so they can go.", bash("git clean -fdx", "Remove everything untracked")),
                say("The folder is clean."),
            ),
            turn(
                "No! uploads/ held the photos for the spring list, they were nowhere else. Undo that.",
                say("I'll look for them.", bash("ls uploads/photos.txt", "Look for the removed file", "No such file")),
                say("They are gone: git never knew them and cannot bring them back. I should have asked first."),
            ),
        ),
        uncommitted={"uploads/photos.txt": "mug-blue\nmug-red\nlamp-small\n", "notes.tmp": "call the printer\n"},
    )
    return [
        _push_session(1, "09-08 17:02", "Commit my note and push it.", "main", recovers=True),
        _push_session(2, "09-23 16:44", "Push the changelog, I have to leave.", "main", recovers=False),
        _push_session(3, "10-14 17:21", "Commit the changelog line and push.", "main", recovers=True),
        lost,
    ]
