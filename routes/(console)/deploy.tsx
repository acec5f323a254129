import { LinkButton } from "../../components/button.tsx";
import { FigureLink } from "../../components/figure_link.tsx";
import { PageHead } from "../../components/page_head.tsx";
import { bytesText, countText } from "../../components/quantity.tsx";
import { EmptyState, Notice } from "../../components/states.tsx";
import { rfc3339 } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { uuidv7 } from "../../core/ids.ts";
import { createJob } from "../../core/jobs/create_job.ts";
import { type JobOrderInput, rebootRules } from "../../core/jobs/types.ts";
import { type DeployPreview, deployPreview, type DeploySelection } from "../../core/views/deploy_preview.ts";
import type { HostFilter } from "../../core/views/host_filter.ts";
import { listHosts } from "../../core/views/list_hosts.ts";
import { orderedOf } from "../../core/views/ordered_packages.ts";
import { wire } from "../../core/wire.ts";
import DeployReview from "../../islands/deploy_review.tsx";
import { offerOf } from "../../islands/(_deploy)/ticks.ts";
import HostPicker from "../../islands/host_picker.tsx";
import { type Context, page, type RouteAccess } from "../../web/mod.ts";
import { readForm } from "../(_role)/form.ts";
import { fleetOf } from "../(_role)/fleet.ts";
import { callContext, define, type State, viewerOf } from "../(_role)/state.ts";
import { hostsQuery } from "./(_components)/host_words.ts";
import { SELECTION } from "./(_components)/selection_words.tsx";

export const access = {
  GET: { role: "operator", scope: "hosts", audit: null },
  POST: { role: "operator", scope: "hosts", audit: "job.create" },
} as const satisfies Record<string, RouteAccess>;

interface Problem {
  title: string;
  hint: string;
  details: string[];
}

/** Hosts that the picker lists at once; a filter reaches more than that. */
const PICKER = 200;

async function picker(ctx: Context<State>, problem: Problem | null = null) {
  const { sql } = ctx.state.services;
  const list = await listHosts(sql, viewerOf(ctx.state).sees, { status: "pending", sort: "-security", limit: PICKER });
  const fleet = await fleetOf(ctx.state);
  return { step: "choose" as const, hosts: wire(list.items), total: list.total, fleet, problem };
}

async function review(
  ctx: Context<State>,
  selection: DeploySelection,
  chosen: string[] | null,
  problem: Problem | null,
  reason = "",
) {
  const { sql, clock } = ctx.state.services;
  const preview = await deployPreview(sql, viewerOf(ctx.state).sees, selection);
  const { filter, security_only = false } = selection;
  const rest = { filter, security_only, chosen, problem, reason, key: uuidv7(clock) };
  return { step: "review" as const, preview: wire(preview), ...rest };
}

export const handler = define.handlers({
  async GET(ctx) {
    const params = ctx.url.searchParams;
    const from = params.get("from");
    if (from !== null) {
      const ordered = await orderedOf(ctx.state.services.sql, viewerOf(ctx.state).sees, from);
      const { packages, reason, ...selection } = ordered;
      const chosen = packages.map(({ name, version }) => version === null ? name : offerOf({ name, version }));
      return page(await review(ctx, selection, chosen, null, reason));
    }
    const host_ids = params.getAll("host");
    const { sort: _, cursor: __, ...query } = hostsQuery(params);
    const filter = query as HostFilter;
    const filtered = Object.values(filter).some((value) => value !== undefined);
    const security_only = params.get("security") === "1";
    if (host_ids.length === 0 && !filtered && !security_only && params.get("all") !== "1") {
      return page(await picker(ctx));
    }
    const chosen = params.has("package") ? params.getAll("package") : null;
    return page(
      await review(ctx, host_ids.length > 0 ? { host_ids, security_only } : { filter, security_only }, chosen, null),
    );
  },
  async POST(ctx) {
    const form = await readForm(ctx.req, ["key", "kind", "reason", "reboot", "delay", "security"], [
      "host",
      "offer",
      "seen",
    ]);
    const { services } = ctx.state;
    const host_ids = form.all("host");
    // "name version", as the person saw it: a host that offers another version by now is not surprised.
    const offers = form.all("offer").map((offer) => offer.split(" "));
    const packages = offers.map(([name, version]) => ({ name, version }));
    // A version that was shown beside one that was taken, and was not ticked itself, was left out on purpose.
    const ticked = new Set(form.all("offer"));
    const names = new Set(packages.map(({ name }) => name));
    const except = [...new Set(form.all("seen"))].filter((seen) => !ticked.has(seen)).map((seen) => seen.split(" "))
      .filter(([name]) => names.has(name)).map(([name, version]) => ({ name, version }));
    // Where only security updates were shown, another version that a host offers of a name is no surprise, and no wish.
    const security_only = form.get("security") === "1";
    const kind = form.get("kind") === "apply" ? "apply" as const : "dry_run" as const;
    try {
      if (host_ids.length === 0) throw new AppError("nothing_to_do", { message: "No host is chosen." });
      if (packages.length === 0) {
        throw new AppError("nothing_to_do", { message: "No update is chosen.", hint: "Tick at least one update." });
      }
      const reboot = rebootRules.find((rule) => rule === form.get("reboot")) ?? "never";
      const delay = form.get("delay");
      const order: JobOrderInput = {
        ...{ kind, host_ids, packages, except, security_only, reason: form.get("reason") },
        // A dry run restarts nothing, whatever stands in the dialog of the other button.
        reboot: kind === "apply" ? reboot : "never",
        ...(delay === "" ? {} : { reboot_delay_seconds: Number(delay) }),
      };
      const key = form.get("key") ? `${kind}-${form.get("key")}` : null;
      const { job_id } = await createJob(services.sql, viewerOf(ctx.state), order, key, callContext(ctx.state));
      return ctx.redirect(`/jobs/${job_id}`);
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.status >= 500 || thrown.code === "host_not_found") throw thrown;
      if (thrown.code === "confirmation_required") throw thrown;
      const details = thrown.details.map(({ problem, hint }) => hint ? `${problem}. ${hint}` : problem);
      const problem = { title: thrown.message, hint: thrown.hint, details };
      const data = host_ids.length === 0 ? await picker(ctx, problem) : await review(
        ctx,
        { host_ids, security_only },
        [...ticked],
        problem,
        form.get("reason"),
      );
      return page(data, { status: thrown.status });
    }
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  state.title = "Deploy";
  const now = rfc3339(state.services.clock.now());
  if (data.step === "choose") {
    const { fleet, hosts, total, problem } = data;
    return (
      <>
        <PageHead
          title="Deploy"
          state={fleet.hosts === 0
            ? "Nothing is managed yet."
            : fleet.hosts_with_updates === 0
            ? "No host has an update pending."
            : `${countText(fleet.hosts_with_updates, "host has", "hosts have")} ${
              countText(fleet.pending, "update")
            } pending, ${fleet.security.toLocaleString("en")} of them security. Choose where to begin.`}
          actions={fleet.hosts_with_security > 0 && (
            <LinkButton kind="primary" icon="shield-check" href="/deploy?status=security&security=1">
              Review all security updates of {countText(fleet.hosts_with_security, "host")}
            </LinkButton>
          )}
        />
        <Refusal problem={problem} />
        {fleet.hosts === 0
          ? (
            <EmptyState
              title="No hosts so far"
              icon="server"
              actions={<LinkButton kind="primary" href="/hosts/new">Add the first host</LinkButton>}
            >
              What is pending on a host can be chosen here as soon as the host is managed.
            </EmptyState>
          )
          : hosts.length === 0
          ? (
            <EmptyState
              title="Nothing to deploy"
              icon="package-check"
              actions={<LinkButton href="/hosts">Go to Hosts</LinkButton>}
            >
              Every host that has reported is up to date. Refresh hosts to ask them again.
            </EmptyState>
          )
          : <HostPicker hosts={hosts} total={total} now={now} />}
      </>
    );
  }
  const { preview, filter, security_only, chosen, problem, reason, key } = data;
  const { totals } = preview;
  return (
    <>
      <PageHead
        title={totals.hosts === 1
          ? `Deploy to ${preview.hosts[0].name}`
          : `Deploy to ${countText(totals.hosts_with_patches || totals.hosts, "host")}`}
        crumbs={[{ href: "/deploy", label: "Deploy" }]}
        state={
          <>
            {totals.patches === 0
              ? "Nothing can be installed there now."
              : `${countText(totals.patches, "update")} can be installed on ${
                countText(totals.hosts_with_patches, "host")
              }, ${totals.security.toLocaleString("en")} of them security, ${
                bytesText(totals.size_bytes)
              } to download.`}
            {filter && <Chosen filter={filter} totals={totals} />}
          </>
        }
      />
      <Refusal problem={problem} />
      {totals.patches === 0
        ? (
          <EmptyState
            title="Nothing can be installed"
            icon="package-check"
            actions={<LinkButton href="/deploy">Choose other hosts</LinkButton>}
          >
            {preview.left_out.length > 0
              ? "What is pending there is on hold, phased or kept back; the hosts' own pages say why."
              : totals.hosts === 1
              ? "This host is up to date, as far as its last report goes."
              : "These hosts are up to date, as far as their last reports go."}
          </EmptyState>
        )
        : (
          <DeployReview
            preview={preview}
            security_only={security_only}
            chosen={chosen}
            reason={reason}
            idempotency_key={key}
            now={now}
          />
        )}
    </>
  );
});

/** Which hosts a filter has chosen: those that the list shows for it. The others of them have nothing to install. */
function Chosen({ filter, totals }: { filter: HostFilter; totals: DeployPreview["totals"] }) {
  const { search, only, ...rest } = filter;
  const asked = Object.entries({ q: search, ...rest, only }).filter((part): part is [string, string] => !!part[1]);
  const list = asked.length > 0 ? `/hosts?${new URLSearchParams(asked)}` : "/hosts";
  const without = totals.hosts - totals.hosts_with_patches;
  return (
    <>
      {" "}Chosen:{" "}
      <FigureLink href={list} count={totals.hosts}>
        {countText(totals.hosts, "host")}
      </FigureLink>
      {only && ` (${SELECTION[only]})`}
      {totals.patches > 0 && without > 0 &&
        `, of which ${countText(without, "has", "have")} nothing to install`}.
    </>
  );
}

/** Why an order was not taken. */
function Refusal({ problem }: { problem: Problem | null }) {
  if (!problem) return null;
  return (
    <Notice tone="bad" title={problem.title}>
      {problem.hint}
      {problem.details.length > 0 && (
        <ul class="notice-list">{problem.details.slice(0, 10).map((text) => <li key={text}>{text}</li>)}</ul>
      )}
    </Notice>
  );
}
