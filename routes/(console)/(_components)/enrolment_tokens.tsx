import { Button } from "../../../components/button.tsx";
import { Dialog, DialogCancel } from "../../../components/dialog.tsx";
import { CheckField, TextField } from "../../../components/field.tsx";
import { SectionHead } from "../../../components/page_head.tsx";
import { countText } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import type { EnrolmentTokenRow } from "../../../core/views/enrolments.ts";
import type { Wire } from "../../../core/wire.ts";

/** Makes a command for a machine whose groups are known before it comes. */
export function CommandDialog({ groups }: { groups: { id: string; name: string }[] }) {
  return (
    <Dialog
      id="make-command"
      title="Make an enrolment command"
      actions={
        <>
          <DialogCancel closes="make-command" />
          <Button kind="primary" type="submit" form="make-command-form">Make the command</Button>
        </>
      }
    >
      <form id="make-command-form" class="form" method="post" action="/enrolments">
        <TextField
          id="label"
          name="label"
          label="What it is for"
          hint="Stands in the list of open tokens."
          placeholder="Rack 12"
          maxLength={200}
          optional
        />
        {groups.length > 0 && (
          <fieldset class="choices">
            <legend>Groups that the machine joins</legend>
            <p class="field-hint">In no group, every operator sees and manages it.</p>
            {groups.map(({ id, name }) => <CheckField key={id} label={name} name="group" value={id} />)}
          </fieldset>
        )}
      </form>
    </Dialog>
  );
}

/** Tokens that a machine can still use. */
export function OpenTokens({ tokens, now }: { tokens: Wire<EnrolmentTokenRow>[]; now: string }) {
  return (
    <>
      <SectionHead
        title={countText(tokens.length, "open token")}
        note="each for one machine; the token itself is not kept"
      />
      <Table
        label="Open enrolment tokens"
        height="short"
        columns={
          <>
            <Column>Label</Column>
            <Column>Groups</Column>
            <Column>Made by</Column>
            <Column right>Made</Column>
            <Column right>Expires</Column>
            <Column right>
              <span class="visually-hidden">Change</span>
            </Column>
          </>
        }
      >
        {tokens.map((one) => (
          <Row key={one.id}>
            <RowName>{one.label || "without label"}</RowName>
            <Cell label="Groups">{one.groups.join(", ") || <span class="muted">none</span>}</Cell>
            <Cell label="Made by">{one.created_by}</Cell>
            <Cell right label="Made">
              <RelativeTime at={one.created_at} now={now} />
            </Cell>
            <Cell right label="Expires">
              <RelativeTime at={one.expires_at} now={now} />
            </Cell>
            <Cell right>
              <form method="post" action={`/enrolments/tokens/${one.id}/revoke`}>
                <Button size="small" type="submit">
                  Revoke<span class="visually-hidden">the token {one.label || "without label"}</span>
                </Button>
              </form>
            </Cell>
          </Row>
        ))}
      </Table>
    </>
  );
}
