import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button, LinkButton } from "../components/button.tsx";
import { SelectionBar } from "../components/filters.tsx";
import { countText } from "../components/quantity.tsx";
import { EmptyState, Notice } from "../components/states.tsx";
import { LiveState } from "../components/status.tsx";
import { CheckCell, Column, type Sorting, Table } from "../components/table.tsx";
import { useNow } from "../components/use_now.ts";
import type { HostRows } from "../core/views/host_rows.ts";
import { callApi, type Refused } from "./(_live)/api.ts";
import { useAddress } from "./(_hosts)/address.ts";
import { FilterRow } from "./(_hosts)/filter_row.tsx";
import { HostRowLine } from "./(_hosts)/host_line.tsx";
import { KEYS_DIALOG, KeysDialog } from "./(_hosts)/keys.tsx";
import { useLiveRows } from "./(_hosts)/live_rows.ts";
import { type ColumnName, nextSort, type Query, readQuery, selectRows, writeQuery } from "./(_hosts)/query.ts";
import { partRows, Parts } from "./(_hosts)/parts.tsx";
import { useRowKeys } from "./(_hosts)/row_keys.ts";
import { deployOf } from "./(_hosts)/deploy_of.ts";
import { withGaps } from "./(_hosts)/gaps.tsx";
import { useSelection } from "./(_hosts)/selection.ts";
import { useWindow } from "./(_hosts)/window.ts";

interface Props {
  hosts: HostRows;
  query: Query;
  /** The figure that the list was opened for. */
  only: { name: string; words: string; away: string } | null;
  /** Which part of the rows is rendered where no script runs, from 0. */
  part: number;
  /** Hosts of the fleet. */
  fleet: number;
  after_seq: number;
  /** RFC 3339, the server's time of rendering. */
  now: string;
  /** False for those who only read: nothing can be chosen. */
  may_deploy: boolean;
}

const HEADS: [ColumnName | null, string, "right" | "left", "roomy"?][] = [
  ["name", "Name", "left"],
  ["health", "Health", "left"],
  ["os", "System", "left", "roomy"],
  ["pending", "Updates", "right"],
  ["security", "Security", "right"],
  [null, "Index age", "right"],
  ["last_seen", "Seen", "right", "roomy"],
];

/** The list of hosts: filtered and sorted here, true while the page is open, by mouse or by keys. */
export default function HostTable(props: Props) {
  const { only, may_deploy } = props;
  const now = useNow(props.now);
  const box = useRef<HTMLDivElement>(null);
  const { rows, groups, systems, live } = useLiveRows(props.hosts, props.after_seq, only?.name ?? null);
  const [query, change] = useAddress(props.query, only?.name ?? null);
  const { shown, counts } = useMemo(() => selectRows(rows, query), [rows, query]);
  const ids = useMemo(() => shown.map(({ id }) => id), [shown]);
  const selection = useSelection(ids);
  const chosen = shown.filter(({ id }) => selection.chosen.has(id));
  const [note, setNote] = useState<{ tone: "ok" | "bad"; title: string; hint: ComponentChildren } | null>(null);
  const view = useWindow(box, shown.length, partRows(props.part, shown.length));
  const keys = useRowKeys({ box, total: shown.length, view, selection, ids, may_choose: may_deploy });
  const shift = useRef(false);

  const act = useRef(selection);
  act.current = selection;
  const places = useRef(ids);
  places.current = ids;
  const choose = useCallback((id: string, on: boolean) => {
    act.current.toggle(places.current.indexOf(id), on, shift.current);
  }, []);
  // The server's list opens another one at its top; so does this.
  useEffect(() => box.current?.querySelector(".table-scroll")?.scrollTo(0, 0), [query]);

  const refresh = async () => {
    try {
      await callApi("POST", "/hosts/refresh", { host_ids: chosen.map(({ id }) => id) });
      const title = `Asked ${countText(chosen.length, "host")}.`;
      setNote({ tone: "ok", title, hint: "Rows change as answers come in." });
      selection.clear();
    } catch (thrown) {
      const { code, message, hint } = thrown as Refused;
      setNote({ tone: "bad", title: message, hint: code === "confirmation_required" ? <ConfirmElsewhere /> : hint });
    }
  };
  const deploy = deployOf(chosen, shown.length, query, only?.name ?? null);
  const clear = () => {
    change({ q: "", health: "", os: "", status: "", group: "", sort: "" });
    // Where an ordinary link to the whole list would lead.
    const title = document.querySelector<HTMLElement>("main h1");
    if (title) title.tabIndex = -1;
    title?.focus({ preventScroll: true });
  };
  const line = (place: number) => (
    <HostRowLine
      key={ids[place]}
      host={shown[place]}
      now={now}
      index={place + 2}
      chosen={selection.chosen.has(ids[place])}
      onChoose={may_deploy ? choose : undefined}
    />
  );
  const lines = withGaps(view, shown.length, keys.active, may_deploy ? 8 : 7, line);

  return (
    <div
      class="stack hosts"
      ref={box}
      onKeyDown={keys.onKeyDown}
      onFocusIn={keys.onFocusIn}
      onClickCapture={(event) => void (shift.current = event.shiftKey)}
      onClick={(event) => {
        const head = (event.target as Element).closest<HTMLAnchorElement>("a.sort");
        if (!head || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        change({ sort: readQuery(head.search).sort });
      }}
    >
      <div class="bar-row hosts-bar" data-chosen={chosen.length > 0 ? "true" : undefined}>
        <FilterRow
          query={query}
          counts={counts}
          systems={systems}
          groups={groups}
          only={only}
          onChange={change}
          onClear={clear}
        />
        {chosen.length > 0 && (
          <SelectionBar words={`${countText(chosen.length, "host")} chosen`} note={deploy.note}>
            {deploy.href && (
              <LinkButton kind="primary" icon="rocket" href={deploy.href}>
                Deploy to {countText(deploy.hosts, "host")} …
              </LinkButton>
            )}
            <Button icon="refresh-cw" onClick={refresh}>Refresh {countText(chosen.length, "host")}</Button>
            <Button kind="quiet" icon="x" onClick={selection.clear}>Clear</Button>
          </SelectionBar>
        )}
      </div>
      <div class="bar-row hosts-line">
        <span class="muted number" role="status">
          {shown.length.toLocaleString("en")} of {countText(props.fleet, "host")}
        </span>
        <span class="spread row">
          {shown.length > 0 && (
            <LinkButton
              kind="quiet"
              size="small"
              icon="download"
              href={`/hosts/export.csv${writeQuery(query, only?.name ?? null)}`}
              download=""
            >
              CSV of {countText(shown.length, "host")}
            </LinkButton>
          )}
          <span class="hosts-keys">
            <Button
              kind="quiet"
              size="small"
              command="show-modal"
              commandfor={KEYS_DIALOG}
              aria-haspopup="dialog"
            >
              Shortcuts
            </Button>
          </span>
          <LiveState state={live.state} since={live.since || undefined} now={now} />
        </span>
      </div>
      {note && <Notice tone={note.tone} title={note.title}>{note.hint}</Notice>}
      {shown.length === 0
        ? (
          <EmptyState
            title="No host matches"
            icon="search"
            actions={<LinkButton href="/hosts">Show all hosts</LinkButton>}
          >
            Nothing fits all of these filters at once. Take one away.
          </EmptyState>
        )
        : (
          <Table
            label="Hosts"
            height="fill"
            rows={shown.length + 1}
            columns={
              <>
                {may_deploy && (
                  <CheckCell
                    head
                    label={`Choose all ${countText(shown.length, "host")} that are shown`}
                    checked={chosen.length === shown.length}
                    onToggle={selection.all}
                  />
                )}
                {HEADS.map(([column, words, side, roomy]) => (
                  <Column
                    key={words}
                    right={side === "right"}
                    roomy={roomy === "roomy"}
                    sorting={column === null ? undefined : sortingOf(query, column, only?.name ?? null)}
                  >
                    {words}
                  </Column>
                ))}
              </>
            }
          >
            {lines}
          </Table>
        )}
      <Parts part={props.part} total={shown.length} query={query} only={only?.name ?? null} />
      <KeysDialog />
    </div>
  );
}

/** How a column is ordered, and the address of the list in its next order. */
function sortingOf(query: Query, column: ColumnName, only: string | null): Sorting {
  const current = query.sort || "name";
  const direction = current === column ? "ascending" : current === `-${column}` ? "descending" : null;
  return { direction, href: `/hosts${writeQuery({ ...query, sort: nextSort(query.sort, column) }, only)}` };
}

/** What is chosen would be gone with this page, so it stays open meanwhile. */
function ConfirmElsewhere() {
  return (
    <>
      <a href="/confirm?next=%2Fhosts" target="_blank" rel="noopener">Confirm in another tab</a>, then refresh again
      here: what you have chosen stays chosen.
    </>
  );
}
