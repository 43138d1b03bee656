"""What of a text is told in an error."""

from koipond.kernel.errors import shortened


def test_a_text_of_usual_length_is_told_as_it_is() -> None:
    assert shortened("") == ""
    assert shortened("a" * 1_900) == "a" * 1_900


def test_of_a_long_text_its_beginning_its_end_and_what_is_left_out_are_told() -> None:
    told = shortened("a" * 1_500 + "b" * 12_345 + "c" * 400)
    assert told == "a" * 1_500 + "… (12,345 characters are left out) …" + "c" * 400
    assert shortened("a" * 1_501 + "c" * 400).count("(1 characters are left out)") == 1
