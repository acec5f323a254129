import { useEffect, useRef, useState } from "preact/hooks";
import { Badge, Simulated } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Dialog, DialogButton, DialogCancel } from "../components/dialog.tsx";
import { Field, SelectField } from "../components/field.tsx";
import { HostName } from "../components/host_name.tsx";
import { SectionHead } from "../components/page_head.tsx";
import { Bytes, Code, countText } from "../components/quantity.tsx";
import { RelativeTime } from "../components/relative_time.tsx";
import { RESTART_DELAYS, RESTART_RULES } from "../components/restart.ts";
import { SecurityMark } from "../components/severity.tsx";
import { Notice } from "../components/states.tsx";
import { HealthStatus } from "../components/status.tsx";
import { Cell, CheckCell, Column, Row, RowName, Table } from "../components/table.tsx";
import { useNow } from "../components/use_now.ts";
import type { DeployHost, DeployPackage, DeployPreview } from "../core/views/deploy_preview.ts";
import type { Wire } from "../core/wire.ts";
import { firstTicks, offerOf, severalVersions } from "./(_deploy)/ticks.ts";
import { callApi } from "./(_live)/api.ts";

interface Props {
  preview: Wire<DeployPreview>;
  /** Only security updates are shown, and ordered. */
  security_only: boolean;
  /** Names or offers that an earlier choice ticked; null ticks all (or all security updates). */
  chosen: string[] | null;
  reason: string;
  idempotency_key: string;
  now: string;
}

/** Hosts that are listed; the order goes to all of them. */
const SHOWN = 200;

/** Shows what would be installed where, lets the person take some of it out, and orders a dry run or the real thing. */
export default function DeployReview({ preview, security_only, chosen, reason, idempotency_key, ...props }: Props) {
  const now = useNow(props.now);
  const { packages, left_out } = preview;
  const hosts = preview.hosts.filter(({ patches }) => patches > 0);
  const [ticked, setTicked] = useState<ReadonlySet<string>>(() => firstTicks(packages, chosen));
  const toggle = (offers: string[], on: boolean) =>
    setTicked((before) => {
      const after = new Set(before);
      for (const offer of offers) on ? after.add(offer) : after.delete(offer);
      return after;
    });
  const wanted = packages.filter((one) => ticked.has(offerOf(one)));
  const [restart, setRestart] = useState("never");
  const updates = wanted.reduce((sum, one) => sum + one.hosts, 0);
  const several = severalVersions(packages);
  const except = several.filter((offer) => !ticked.has(offer));
  const reach = useReach(hosts, wanted, except, security_only, wanted.length === packages.length);
  const where = hosts.length === 1 ? hosts[0].name : countText(reach, "host");
  const act = `Apply ${countText(updates, "update")} to ${where} now`;
  const simulated = hosts.filter((host) => host.simulated).length;
  const running = hosts.filter((host) => host.running_job !== null).length;
  const reboots = wanted.some((one) => one.requires_reboot);

  return (
    <form class="stack" method="post" action="/deploy" id="deploy">
      <input type="hidden" name="key" value={idempotency_key} />
      {security_only && <input type="hidden" name="security" value="1" />}
      {hosts.map((host) => <input key={host.id} type="hidden" name="host" value={host.id} />)}
      {several.map((offer) => <input key={offer} type="hidden" name="seen" value={offer} />)}
      <div class="selection-bar" role="group" aria-label="What will be done">
        <p class="selection-bar-words" role="status">
          {wanted.length === 0 ? "No update chosen" : `${countText(updates, "update")} on ${where}`}{" "}
          <span>
            {wanted.length < packages.length && `${wanted.length} of ${countText(packages.length, "package")}`}
          </span>
        </p>
        <Button type="submit" name="kind" value="dry_run" icon="eye" disabled={wanted.length === 0}>Dry run</Button>
        {wanted.length > 0 && <DialogButton opens="confirm-apply" kind="primary" icon="play">{act} …</DialogButton>}
      </div>
      <SectionHead title={countText(packages.length, "package")} note="security first" />
      <Table
        label="Updates to install"
        height={hosts.length > 1 || packages.length > 12 ? "short" : "page"}
        columns={
          <>
            <CheckCell
              head
              label="Choose all updates"
              checked={wanted.length === packages.length}
              onToggle={(on) => toggle(packages.map(offerOf), on)}
            />
            <Column>Package</Column>
            <Column>Security</Column>
            <Column>New version</Column>
            <Column right>Hosts</Column>
            <Column right>Size</Column>
          </>
        }
      >
        {packages.map((one) => (
          <PackageLine
            key={`${offerOf(one)} ${one.arch} ${one.severity}`}
            offer={one}
            ticked={ticked.has(offerOf(one))}
            onToggle={(on) => toggle([offerOf(one)], on)}
          />
        ))}
      </Table>
      <SectionHead
        title={countText(hosts.length, "host")}
        note={hosts.length > SHOWN ? `the first ${SHOWN} of them` : undefined}
      />
      <HostLines hosts={hosts} now={now} />
      {left_out.length > 0 && (
        <details class="panel">
          <summary>{countText(left_out.length, "pending update")} will stay as they are, and why</summary>
          <ul>
            {left_out.map((one) => (
              <li key={`${one.name} ${one.state} ${one.reason}`}>
                <strong>{one.name}</strong> on {countText(one.hosts, "host")}:{" "}
                {one.reason ?? one.state.replace("_", " ")}
              </li>
            ))}
          </ul>
        </details>
      )}
      <Dialog
        id="confirm-apply"
        title={`${act}?`}
        actions={
          <>
            <DialogCancel closes="confirm-apply" />
            <Button kind="primary" type="submit" name="kind" value="apply" icon="play">{act}</Button>
          </>
        }
      >
        <ul class="plan">
          {wanted.slice(0, 12).map((one) => (
            <li key={offerOf(one)}>
              <strong>{one.name}</strong> <Code>{one.from_versions.join(", ") || "?"}</Code> →{" "}
              <Code>{one.version}</Code>
              {hosts.length > 1 && <span class="muted">on {countText(one.hosts, "host")}</span>}
            </li>
          ))}
          {wanted.length > 12 && <li class="muted">and {countText(wanted.length - 12, "more package")}</li>}
        </ul>
        {simulated > 0 && (
          <Notice tone="info">
            {simulated === hosts.length
              ? "All of these hosts are simulated"
              : `${countText(simulated, "host is", "hosts are")} simulated`}: no real machine is changed there.
          </Notice>
        )}
        {running > 0 && (
          <Notice tone="warn">
            {countText(running, "host")} still {running === 1 ? "works" : "work"}{" "}
            on another job; this one waits for it there.
          </Notice>
        )}
        <RestartChoice reboots={reboots} restart={restart} onChange={setRestart} />
        <Field id="reason" label="Reason" hint="Kept with the job and in the audit log." optional>
          {(control) => <input {...control} class="input" name="reason" maxLength={1000} defaultValue={reason} />}
        </Field>
        <p class="muted">It starts at once. Cancelling is possible until a host begins to install.</p>
      </Dialog>
    </form>
  );
}

/** When hosts restart afterwards, and what that means for the updates that were chosen. */
function RestartChoice(
  { reboots, restart, onChange }: { reboots: boolean; restart: string; onChange: (restart: string) => void },
) {
  return (
    <>
      <SelectField
        id="reboot"
        name="reboot"
        label="Restart"
        options={RESTART_RULES}
        value={restart}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      {restart === "never"
        ? reboots && <Notice tone="warn">Some updates need a restart to take effect; no host is restarted.</Notice>
        : (
          <>
            <SelectField
              id="reboot-delay"
              name="delay"
              label="Warn its users before"
              options={RESTART_DELAYS}
              value="60"
            />
            <p class="muted">
              The job waits for each host to come back and reads it again. One that does not come back within 30 minutes
              has failed.
            </p>
          </>
        )}
    </>
  );
}

/** How many hosts the ticked updates reach. One package set needs no question; a part of it is asked for. */
function useReach(
  hosts: Wire<DeployHost>[],
  wanted: Wire<DeployPackage>[],
  unwanted: string[],
  security_only: boolean,
  all: boolean,
): number {
  const most = Math.min(hosts.length, wanted.reduce((sum, one) => sum + one.hosts, 0));
  const least = Math.max(0, ...wanted.map((one) => one.hosts));
  const [asked, setAsked] = useState<{ key: string; hosts: number } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const names = [...new Set(wanted.map(({ name }) => name))];
  const except = unwanted.map((offer) => offer.split(" ")).map(([name, version]) => ({ name, version }))
    .filter(({ name }) => names.includes(name));
  const key = JSON.stringify([names, except]);
  const sure = all ? hosts.length : most === least ? most : null;
  useEffect(() => {
    clearTimeout(timer.current);
    if (sure !== null) return;
    timer.current = setTimeout(async () => {
      try {
        const host_ids = hosts.map(({ id }) => id);
        const answer = await callApi("POST", "/jobs/preview", { host_ids, packages: names, except, security_only });
        setAsked({ key, hosts: answer.totals.hosts_with_patches });
      } catch {
        // The number stays the upper bound; the job itself will say.
      }
    }, 250);
    return () => clearTimeout(timer.current);
  }, [key, sure]);
  return sure ?? (asked?.key === key ? asked.hosts : most);
}

function PackageLine(
  { offer, ticked, onToggle }: { offer: Wire<DeployPackage>; ticked: boolean; onToggle: (on: boolean) => void },
) {
  return (
    <Row selected={ticked}>
      <CheckCell
        label={`Install ${offer.name} ${offer.version}`}
        name="offer"
        value={offerOf(offer)}
        checked={ticked}
        onToggle={onToggle}
      />
      <RowName
        title={offer.name}
        note={<OfferNote offer={offer} />}
        marks={offer.requires_reboot && <Badge tone="warn">reboot</Badge>}
      >
        {offer.name}
      </RowName>
      <Cell>
        <SecurityMark
          security={offer.security}
          severity={offer.severity}
          known={offer.security_known}
          source={offer.severity_source}
        />
      </Cell>
      <Cell
        line
        title={offer.from_versions.join(", ")}
        note={
          <>
            from <Code>{offer.from_versions[0] ?? "unknown"}</Code>
            {offer.from_versions.length > 1 && ` and ${countText(offer.from_versions.length - 1, "other")}`}
          </>
        }
      >
        <Code>{offer.version}</Code>
      </Cell>
      <Cell right label="Hosts">{offer.hosts.toLocaleString("en")}</Cell>
      <Cell right label="Size">
        {offer.size_bytes === null ? <span class="muted">–</span> : <Bytes bytes={offer.size_bytes} />}
      </Cell>
    </Row>
  );
}

/** CVEs that it closes and packages that it brings; else where it comes from. */
function OfferNote({ offer }: { offer: Wire<DeployPackage> }) {
  const { cve_ids, new_dependencies, repositories } = offer;
  const more = cve_ids.length > 2 ? ` +${cve_ids.length - 2}` : "";
  return (
    <>
      {cve_ids.length > 0 && <span class="mono" title={cve_ids.join(", ")}>{cve_ids.slice(0, 2).join(", ")}{more}
      </span>}
      {new_dependencies.length > 0 && ` brings ${new_dependencies.join(", ")}`}
      {cve_ids.length === 0 && new_dependencies.length === 0 && repositories.join(", ")}
    </>
  );
}

function HostLines({ hosts, now }: { hosts: Wire<DeployHost>[]; now: string }) {
  return (
    <Table
      label="Hosts of this deployment"
      columns={
        <>
          <Column>Name</Column>
          <Column>Health</Column>
          <Column right>Updates</Column>
          <Column right>Security</Column>
          <Column right>Index age</Column>
        </>
      }
    >
      {hosts.slice(0, SHOWN).map((host) => (
        <Row key={host.id}>
          <RowName href={`/hosts/${host.id}`} title={host.name} marks={host.simulated && <Simulated />}>
            <HostName name={host.name} />
          </RowName>
          <Cell title={host.health_reason ?? undefined}>
            <HealthStatus
              health={host.health}
              since={host.not_answering_since}
              silentSince={host.not_answering_since}
              now={now}
            />
          </Cell>
          <Cell right label="Updates">{host.patches.toLocaleString("en")}</Cell>
          <Cell right label="Security">
            {host.security > 0
              ? <strong class="tone-warn-text">{host.security.toLocaleString("en")}</strong>
              : <span class="muted">0</span>}
          </Cell>
          <Cell right label="Index age">
            <span class={host.compliance === "stale" ? "tone-warn-text" : "muted"}>
              {host.index_refreshed_at ? <RelativeTime at={host.index_refreshed_at} now={now} form="age" /> : "unknown"}
            </span>
          </Cell>
        </Row>
      ))}
    </Table>
  );
}
