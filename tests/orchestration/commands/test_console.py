"""What a command shows in a pipe."""

from apexline.orchestration.commands.console import show_progress


def test_a_pipe_gets_a_line_for_each_step(capsys):
    with show_progress("loading") as on_step:
        on_step("processing a", 0, 2)
        on_step("processing a", 0, 2)
        on_step("processing b", 1, 2)
        on_step("warehouse")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["loading", "[1/2] processing a", "[2/2] processing b", "warehouse"]
