import { Badge } from "../../../components/badge.tsx";
import { Button } from "../../../components/button.tsx";
import { Code } from "../../../components/quantity.tsx";
import { RelativeTime } from "../../../components/relative_time.tsx";
import { Cell, Column, Row, RowName, Table } from "../../../components/table.tsx";
import { isScope, scopeWords } from "../../../core/tokens/scopes.ts";
import type { TokenRow } from "../../../core/views/tokens.ts";
import type { Wire } from "../../../core/wire.ts";

/**
 * API tokens, without the tokens themselves. `back` is the page that a revocation leads back to; without it
 * nothing can be revoked.
 */
export function TokenTable({ tokens, now, back }: { tokens: Wire<TokenRow>[]; now: string; back: string | null }) {
  return (
    <Table
      label="API tokens"
      columns={
        <>
          <Column>Name</Column>
          <Column>May</Column>
          <Column>Hosts, and from where</Column>
          <Column right>Last use</Column>
          {back && (
            <Column right>
              <span class="visually-hidden">Change</span>
            </Column>
          )}
        </>
      }
    >
      {tokens.map((one) => (
        <Row key={one.id}>
          <RowName
            title={one.name}
            marks={<TokenState token={one} now={now} />}
            note={
              <>
                <Code>{`${one.hint}…`}</Code> {END_WORDS[one.state]}{" "}
                <RelativeTime at={one.ended_at ?? one.expires_at} now={now} />
              </>
            }
          >
            {one.name}
          </RowName>
          <Cell label="May">
            <span class="cell-words">{one.scopes.map(titleOf).join(", ")}</span>
          </Cell>
          <Cell
            label="Hosts"
            note={one.networks === null ? "from anywhere" : (
              <span class="cell-words">
                from <Code>{one.networks.join(", ")}</Code>
              </span>
            )}
          >
            {one.groups === null
              ? "all"
              : one.groups.length > 0
              ? <span class="cell-words">{one.groups.map(({ name }) => name).join(", ")}</span>
              : <span class="muted">none: the groups are gone</span>}
          </Cell>
          <Cell right label="Last use" note={one.last_used_address && <Code>{one.last_used_address}</Code>}>
            {one.last_used_at ? <RelativeTime at={one.last_used_at} now={now} /> : <span class="muted">never</span>}
          </Cell>
          {back && (
            <Cell right>
              {one.ended_at === null && (
                <form method="post" action={`/profile/tokens/${one.id}/revoke`}>
                  <input type="hidden" name="back" value={back} />
                  <Button size="small" type="submit">
                    Revoke<span class="visually-hidden">the token {one.name}</span>
                  </Button>
                </form>
              )}
            </Cell>
          )}
        </Row>
      ))}
    </Table>
  );
}

const END_WORDS: Record<TokenRow["state"], string> = {
  good: "ends",
  asleep: "ends",
  revoked: "revoked",
  expired: "ended",
};

function titleOf(scope: string): string {
  return isScope(scope) ? scopeWords[scope].title : scope;
}

/** A token that ends within two weeks says so: whatever uses it stops then. */
const SOON_DAYS = 14;

function TokenState({ token, now }: { token: Wire<TokenRow>; now: string }) {
  switch (token.state) {
    case "revoked":
      return <Badge shape="cross">Revoked</Badge>;
    case "expired":
      return <Badge shape="cross">Expired</Badge>;
    case "asleep":
      return (
        <Badge
          tone="warn"
          shape="ring"
          title="Its maker is disabled, or has to set a password or a second factor first."
        >
          Asleep
        </Badge>
      );
    case "good":
      return Date.parse(token.expires_at) - Date.parse(now) < SOON_DAYS * 86_400_000
        ? <Badge tone="warn" shape="half">Ends soon</Badge>
        : <Badge tone="ok" shape="dot">Good</Badge>;
  }
}
