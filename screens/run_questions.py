"""The questions before a run under way is stopped. Both rest on going on."""

from __future__ import annotations

from screens.dialogs.question import QuestionDialog


def stop_question(holds: str) -> QuestionDialog:
    """Whether to stop; `holds` says what is true of the cluster then."""
    return QuestionDialog(
        "Stop the restore here?",
        "What runs on a node now goes to its end; nothing new is started.\n\n"
        f"What holds now: {holds}",
        yes="stop here",
        no="No, go on",
    )


def turning_question(holds: str) -> QuestionDialog:
    """Whether to stop, and then to lead the run back."""
    return QuestionDialog(
        "Stop here and roll back?",
        "What runs on a node now goes to its end, then the run stops. The way back asks once "
        f"more before it changes anything.\n\nWhat holds now: {holds}",
        yes="stop and roll back",
        no="No, go on",
    )
