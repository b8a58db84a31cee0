"""Who gave a speaker a name, in a result and after its corrections."""

from ecg_audio.analysis import Edits, Naming, SegmentEdit, Speaker
from ecg_audio.revision.naming import after, named
from tests.support.results import factory

SURE = Naming(name="Sheila", by="voice", similarity=0.91)
MAYBE = Naming(name="Bob", by="voice", sure=False, similarity=0.8)
PERSON = Naming(name="Sheila", by="person")


def speaker(name: str, naming: Naming | None = None) -> Speaker:
    """A speaker of a name."""
    return Speaker(id=name, naming=naming, speaking_s=1.0, segments=1, words=1)


def test_a_sure_name_is_the_speakers_and_a_suggestion_stands_beside() -> None:
    """A sure name is everywhere; "maybe" changes nothing but what is said of the speaker."""
    before = factory.analysis()
    found = named(before, {"SPEAKER_00": SURE, "SPEAKER_01": MAYBE})
    assert [(one.id, one.naming) for one in found.speakers] == [("Sheila", SURE), ("SPEAKER_01", MAYBE)]
    assert "SPEAKER_00" in before.model_dump_json() and "SPEAKER_00" not in found.model_dump_json()
    assert found.model_dump_json(exclude={"speakers"}) == before.model_dump_json(exclude={"speakers"}).replace(
        "SPEAKER_00", "Sheila"
    )


def test_a_name_that_somebody_has_already_is_a_question() -> None:
    """Two speakers never become one by a voice."""
    before = factory.analysis()
    found = named(before, {"SPEAKER_00": SURE.model_copy(update={"name": "SPEAKER_01"})})
    assert [one.id for one in found.speakers] == ["SPEAKER_00", "SPEAKER_01"]
    assert found.speakers[0].naming and not found.speakers[0].naming.sure


def test_a_persons_word_stands_above_a_voices() -> None:
    """A new name, a confirmed one, and two merged are a person's; what nobody touched stays a voice's."""
    voices = [speaker("Sheila", SURE), speaker("SPEAKER_01", MAYBE)]
    assert after(voices, Edits()) == {"Sheila": SURE, "SPEAKER_01": MAYBE}
    assert after(voices, Edits(speakers={"SPEAKER_01": "Bob"})) == {
        "Sheila": SURE,
        "Bob": Naming(name="Bob", by="person"),
    }
    assert after(voices, Edits(speakers={"Sheila": "Anna"}))["Anna"].by == "person"
    assert after(voices, Edits(speakers={"Sheila": "Sheila"}))["Sheila"] == PERSON
    assert after(voices, Edits(speakers={"SPEAKER_01": "Sheila"})) == {"Sheila": PERSON}
    assert after(voices, Edits(segments={3: SegmentEdit(speaker=" Carol ")}))["Carol"].by == "person"


def test_a_label_is_nobodys_name() -> None:
    """Who is called SPEAKER_00 again has no name, and neither has one who is merged into such a one."""
    voices = [speaker("Sheila", SURE), speaker("SPEAKER_01"), speaker("SPEAKER_02")]
    assert after(voices, Edits(speakers={"Sheila": "SPEAKER_00"})) == {}
    assert after(voices, Edits(speakers={"SPEAKER_02": "SPEAKER_01"})) == {"Sheila": SURE}
