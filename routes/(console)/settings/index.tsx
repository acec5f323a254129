import { PageHead, SectionHead } from "../../../components/page_head.tsx";
import { Notice } from "../../../components/states.tsx";
import { rfc3339 } from "../../../core/clock.ts";
import { changeSetting } from "../../../core/settings/change_setting.ts";
import { listSettings } from "../../../core/settings/read_settings.ts";
import { findSetting } from "../../../core/settings/rules.ts";
import type { SettingTopic } from "../../../core/settings/types.ts";
import { wire } from "../../../core/wire.ts";
import { type Context, page, type RouteAccess } from "../../../web/mod.ts";
import { readForm } from "../../(_role)/form.ts";
import { callContext, define, type State, viewerOf } from "../../(_role)/state.ts";
import { refusalOf } from "../(_components)/refusal.ts";
import { anchorOf, SettingForm, type TypedSetting } from "./(_components)/setting_form.tsx";
import { settingsSentence, topicOf, TOPICS } from "./(_components)/setting_words.ts";
import { SettingsTabs } from "./(_components)/settings_tabs.tsx";

export const access = {
  GET: { role: "auditor", scope: "none", audit: null, tells_all: true },
  POST: { role: "admin", scope: "none", audit: "setting.change", recent: true },
} as const satisfies Record<string, RouteAccess>;

async function read(ctx: Context<State>, typed: TypedSetting | null = null) {
  const settings = await listSettings(ctx.state.services.sql);
  return { settings: wire(settings), typed, saved: typed === null ? ctx.url.searchParams.get("saved") : null };
}

export const handler = define.handlers({
  GET: async (ctx) => page(await read(ctx)),
  async POST(ctx) {
    const form = await readForm(ctx.req, ["key", "was", "value", "back"]);
    const key = form.get("key");
    const rule = findSetting(key);
    const typed = form.get("back") === "default" && rule ? String(rule.default) : form.get("value").trim();
    try {
      const { sql } = ctx.state.services;
      await changeSetting(
        sql,
        viewerOf(ctx.state).id,
        key,
        numberOf(typed),
        callContext(ctx.state),
        numberOf(form.get("was")),
      );
      return ctx.redirect(`/settings?saved=${encodeURIComponent(key)}#${rule ? anchorOf(rule.key) : ""}`);
    } catch (thrown) {
      const { status, title, fields } = refusalOf(thrown);
      return page(await read(ctx, { key, value: typed, problem: fields[key] ?? fields.key ?? title }), { status });
    }
  },
});

/** What was typed as a number; NaN, which no setting takes, for anything that is not written in digits alone. */
function numberOf(text: string): number {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
}

export default define.page<typeof handler>(({ data: { settings, typed, saved }, state }) => {
  state.title = "Settings";
  const may_change = viewerOf(state).role === "admin";
  const now = rfc3339(state.services.clock.now());
  const known = settings.some(({ key }) => key === typed?.key);
  return (
    <>
      <PageHead title="Settings" state={settingsSentence(settings)} />
      <SettingsTabs current="/settings" />
      {typed && (
        <Notice tone="bad" title={known ? "Nothing was changed." : typed.problem}>
          {known ? "What is wrong stands beside the field." : "Nothing was changed. Reload the page."}
        </Notice>
      )}
      {Object.entries(TOPICS).map(([topic, title]) => (
        <section key={topic} class="stack" aria-labelledby={`topic-${topic}`}>
          <SectionHead id={`topic-${topic}`} title={title} />
          <ul class="settings">
            {settings.filter((setting) =>
              topicOf(setting) === topic as SettingTopic
            ).map((setting) => (
              <SettingForm
                key={setting.key}
                setting={setting}
                typed={typed?.key === setting.key ? typed : null}
                saved={saved === setting.key}
                may_change={may_change}
                now={now}
              />
            ))}
          </ul>
        </section>
      ))}
      <p>
        <a href="/audit?action=setting.change">Every change, with what it was before, is in the audit log.</a>
      </p>
    </>
  );
});
