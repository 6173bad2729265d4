"""No risky step without a yes that was meant."""

from __future__ import annotations

from screens.dialogs.consent import ConsentDialog
from screens.restore import RestoreScreen
from tests.screens.looking import shows, text_on_screen
from tests.screens.opening import case_of, opened, to_danger, to_first_question, typed


async def test_enter_on_a_change_says_no_because_the_focus_rests_there() -> None:
    async with opened() as pilot:
        await to_first_question(pilot)
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "no"
        await pilot.press("enter")
        await shows(pilot, "You said no")
        assert "Nothing was written" in text_on_screen(pilot.app)


async def test_a_wrong_name_changes_nothing_and_says_so() -> None:
    async with opened() as pilot:
        await to_danger(pilot)
        for wrong in ("prod", "prod-b", "PROD-A", "prod-a "):
            await typed(pilot, wrong)
            await shows(pilot, "nothing has happened")
            assert isinstance(pilot.app.screen, ConsentDialog)
            await pilot.press(*["backspace"] * len(wrong))
        await typed(pilot, "")
        await shows(pilot, "Nothing was typed")


async def test_once_the_name_is_typed_the_question_says_which_key_goes_on() -> None:
    async with opened() as pilot:
        await to_danger(pilot)
        await pilot.press(*"prod-")
        assert "Enter goes on" not in text_on_screen(pilot.app)
        await pilot.press("a")
        await shows(pilot, "Enter goes on, esc leaves things as they are.")
        await pilot.press("b")
        await pilot.pause()
        assert "Enter goes on" not in text_on_screen(pilot.app)


async def test_y_is_no_answer_to_danger() -> None:
    async with opened() as pilot:
        await to_danger(pilot)
        await pilot.press("tab", "y")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ConsentDialog)


async def test_escape_from_danger_refuses_and_says_what_holds() -> None:
    async with opened() as pilot:
        await to_danger(pilot)
        await pilot.press("escape")
        await shows(pilot, "You said no")
        await shows(pilot, "The cluster is untouched")
        assert isinstance(pilot.app.screen, RestoreScreen)


async def test_every_command_of_the_covered_steps_can_be_read_before_the_answer() -> None:
    async with opened(size=(160, 90)) as pilot:
        await to_danger(pilot)
        await pilot.press("f2")
        await shows(pilot, "All commands of steps 4 to 8")
        text = text_on_screen(pilot.app)
        assert "systemctl stop kubelet" in text
        assert "mv /var/lib/etcd/member" in text
        assert "deliver-snapshot" not in text
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ConsentDialog)


async def test_after_a_refusal_escape_leads_home_and_nothing_is_lost() -> None:
    async with opened() as pilot:
        await to_first_question(pilot)
        await pilot.press("escape")
        await shows(pilot, "You said no")
        await pilot.press("escape")
        await shows(pilot, "SNAPSHOTS")
        assert not case_of(pilot).run_under_way
