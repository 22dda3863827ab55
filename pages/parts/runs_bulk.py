"""The bar of what can be done with the chosen runs."""

from collections.abc import Sequence

import streamlit as st

from db import runs
from db.engine import connect
from pages.parts import runs_acts
from pages.parts.badges import run_link
from pages.parts.runs_acts import many
from pages.parts.runs_chosen import choose, chosen
from pages.parts.runs_dialogs import ask
from pages.parts.runs_known import known
from pages.parts.runs_link import Shelf
from pages.parts.runs_read import Listing, shelf_of
from pages.parts.runs_undo import carry_out, move_away
from pages.parts.said import say

_TAGS = "runs.tags_to_change"


def draw_bar(listing: Listing) -> None:
    """What is chosen, how to choose all, and the acts; at the window's lower edge, so that the table never moves."""
    ids = chosen()
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="runs.bar"):
        if ids:
            _draw_count(listing, ids)
            _draw_acts(listing, ids)
        else:
            st.caption(
                ":material/check_box: Select runs at the table's left edge to stop, tag, archive or delete them."
            )


def _draw_count(listing: Listing, ids: Sequence[int]) -> None:
    here = [run for run in listing.rows if run.id in set(ids)]
    elsewhere = len(ids) - len(here)
    words = f"**{many(len(ids))}** selected" + (f", {elsewhere:,} of them on other pages" if elsewhere else "")
    st.markdown(words, width="content")
    if len(ids) == 1 and here:
        run_link(here[0], longest=24)
    if len(ids) < listing.total:
        st.button(
            f"Select all {listing.total:,} that match" if listing.view.narrowed else f"Select all {listing.total:,}",
            key="runs.all",
            type="tertiary",
            icon=":material/select_all:",
            on_click=_choose_all,
            args=(listing,),
        )
    st.button("Clear", key="runs.none", type="tertiary", icon=":material/deselect:", on_click=choose, args=((),))


def _choose_all(listing: Listing) -> None:
    with connect().reading() as session:
        choose(runs.matching_ids(session, listing.filter, **shelf_of(listing.view)))


def _draw_acts(listing: Listing, ids: Sequence[int]) -> None:
    shelf = listing.view.shelf
    if shelf is Shelf.TRASH:
        _button("Restore", "restore_from_trash", "restore", _restore, shelf, ids)
        _button("Delete for good", "delete_forever", "purge", ask, "purge", shelf, ids)
        return
    if len(ids) == 1:
        _button("Edit", "edit", "edit", ask, "edit", shelf, ids)
    if shelf is Shelf.RUNS:
        _button("Stop", "stop", "stop", _end, shelf, ids, False, help="Saves a checkpoint and ends")
        _button("Pause", "pause", "pause", _end, shelf, ids, True, help="Saves a checkpoint; Resume goes on from there")
        _button("Resume", "resume", "resume", _resume, shelf, ids, help="Goes on from the last checkpoint")
    _draw_tags(shelf, ids)
    if shelf is Shelf.ARCHIVED:
        _button("Bring back", "unarchive", "unarchive", _unarchive, shelf, ids)
    else:
        _button("Archive", "archive", "archive", _archive, shelf, ids, help="Out of sight; nothing is deleted")
    _button("Delete", "delete", "delete", ask, "delete", shelf, ids)


def _button(label: str, icon: str, key: str, act: object, *args: object, help: str | None = None) -> None:
    icon = f":material/{icon}:"
    st.button(label, key=f"runs.act.{key}", icon=icon, type="tertiary", on_click=act, args=args, help=help)


def _draw_tags(shelf: Shelf, ids: Sequence[int]) -> None:
    with st.popover("Tags", icon=":material/label:", type="tertiary", key="runs.tags"):
        st.multiselect(
            "Tags", known().tags, key=_TAGS, accept_new_options=True, placeholder="Choose or type", on_change="ignore"
        )
        with st.container(horizontal=True):
            _button("Add", "new_label", "tag", _tag, shelf, ids, False)
            _button("Remove", "label_off", "untag", _tag, shelf, ids, True)


def _tag(shelf: Shelf, ids: Sequence[int], remove: bool) -> None:
    tags = [tag.strip()[:100] for tag in st.session_state.get(_TAGS, ()) if tag.strip()]
    if not tags:
        say("Choose or type a tag first", "info")
        return
    if carry_out(lambda session, who: runs_acts.tag(session, shelf, ids, who, tags, remove=remove)):
        st.session_state[_TAGS] = []


def _end(shelf: Shelf, ids: Sequence[int], pause: bool) -> None:
    carry_out(lambda session, who: runs_acts.end(session, shelf, ids, who, pause=pause))


def _resume(shelf: Shelf, ids: Sequence[int]) -> None:
    carry_out(lambda session, who: runs_acts.resume(session, shelf, ids, who))


def _restore(shelf: Shelf, ids: Sequence[int]) -> None:
    if carry_out(lambda session, who: runs_acts.restore(session, shelf, ids, who)):
        choose(())


def _archive(shelf: Shelf, ids: Sequence[int]) -> None:
    move_away(lambda session, who: runs_acts.archive(session, shelf, ids, who), Shelf.ARCHIVED, runs_acts.unarchive)


def _unarchive(shelf: Shelf, ids: Sequence[int]) -> None:
    move_away(lambda session, who: runs_acts.unarchive(session, shelf, ids, who), Shelf.RUNS, runs_acts.archive)
