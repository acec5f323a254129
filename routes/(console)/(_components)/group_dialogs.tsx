import { Button } from "../../../components/button.tsx";
import { Dialog, DialogCancel } from "../../../components/dialog.tsx";
import { TextField } from "../../../components/field.tsx";
import { FigureLink } from "../../../components/figure_link.tsx";
import { countText } from "../../../components/quantity.tsx";
import { MAX_GROUP_NAME } from "../../../core/groups/types.ts";
import type { DeleteImpact, GroupRow } from "../../../core/views/groups.ts";
import type { Wire } from "../../../core/wire.ts";
import type { Refusal } from "./refusal.ts";
import { aloneHref } from "./selection_words.tsx";

/** Renames a group or says what it is for; who is in it stays. */
export function EditGroupDialog(
  { group, typed, refusal }: {
    group: Wire<GroupRow>;
    typed?: { name: string; description: string };
    refusal: Refusal | null;
  },
) {
  const { name, description } = typed ?? group;
  return (
    <Dialog
      id="edit-group"
      title={`Rename ${group.name}`}
      actions={
        <>
          <DialogCancel closes="edit-group" />
          <Button kind="primary" type="submit" form="edit-group-form">Save</Button>
        </>
      }
    >
      <form id="edit-group-form" class="form" method="post" action={`/groups/${group.id}`}>
        <TextField
          id="name"
          name="name"
          label="Name"
          value={name}
          error={refusal?.fields.name}
          hint="Its hosts and users stay."
          maxLength={MAX_GROUP_NAME * 2}
          required
        />
        <TextField
          id="description"
          name="description"
          label="What it is for"
          value={description}
          error={refusal?.fields.description}
          maxLength={1000}
          optional
        />
      </form>
    </Dialog>
  );
}

/** Deletes a group, after saying who will see what. */
export function DeleteGroupDialog({ group, impact }: { group: Wire<GroupRow>; impact: DeleteImpact }) {
  const { opened_hosts, operators, members, tokens, waiting } = impact;
  const it = opened_hosts === 1 ? "it" : "them";
  const enrolling = [
    tokens > 0 && countText(tokens, "open enrolment token"),
    waiting > 0 && countText(waiting, "waiting machine"),
  ].filter(Boolean).join(" and ");
  return (
    <Dialog
      id="delete-group"
      title={`Delete ${group.name}?`}
      actions={
        <>
          <DialogCancel closes="delete-group" />
          <form method="post" action={`/groups/${group.id}/delete`}>
            <input type="hidden" name="opened" value={opened_hosts} />
            <Button kind="danger" type="submit">Delete {group.name}</Button>
          </form>
        </>
      }
    >
      {opened_hosts > 0
        ? (
          <p>
            <strong>
              <FigureLink href={aloneHref(group.id)} count={opened_hosts}>
                {countText(opened_hosts, "host is", "hosts are")} in no other group
              </FigureLink>: every operator will see and manage {it}.
            </strong>{" "}
            {operators === 0
              ? "Every operator is in this group, so nobody sees more than now."
              : `${countText(operators, "operator who is", "operators who are")} not in ${group.name} ${
                operators === 1 ? "sees" : "see"
              } more by that. To keep ${it} from them, put ${it} into another group first.`}
          </p>
        )
        : group.hosts > 0
        ? <p>All of its hosts are in other groups too: only those groups' operators will see them.</p>
        : <p>It has no hosts: nobody sees more or less than now.</p>}
      {group.hosts > 0 && members > 0 && (
        <p>
          {countText(members, "operator")} of this group will not see its hosts any more by it.
        </p>
      )}
      {enrolling && <p>Of {enrolling} nothing else says a group: those machines will be in none.</p>}
      <p class="meta">Hosts and users themselves stay. It cannot be undone.</p>
    </Dialog>
  );
}
