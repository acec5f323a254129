import { connect, type Sql } from "../core/database/connection.ts";
import { type EmbeddedServer, startEmbedded, SUPERUSER } from "../core/database/embedded.ts";
import type { Figure } from "./measure.ts";

/** A durable embedded server that counts what each statement costs. */
export interface StatementServer extends AsyncDisposable {
  url(login: string): string;
  /** Forgets what was counted. */
  reset(): Promise<void>;
  /** Connected as the superuser. */
  sql: Sql;
  /** Of the process whose children serve the connections. */
  pid: number;
}

const TOP = 10;

/** The extension has to be there when the server starts, so it is started twice. */
export async function startStatements(folder: string): Promise<StatementServer> {
  const first = await startEmbedded(folder);
  const before = await asSuperuser(first);
  await before`alter system set shared_preload_libraries = 'pg_stat_statements'`;
  await before.end({ timeout: 5 });
  await first.stop();
  const server = await startEmbedded(folder, { max_connections: 80 });
  const sql = await asSuperuser(server);
  await sql`create extension if not exists pg_stat_statements`;
  return {
    sql,
    pid: server.pid,
    url: (login) => server.url(login),
    reset: async () => void await sql`select pg_stat_statements_reset()`,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 5 });
      await server.stop();
    },
  };
}

function asSuperuser(server: EmbeddedServer): Promise<Sql> {
  return connect({ url: server.url(SUPERUSER), max: 1, application_name: "bench" });
}

/** The statements that took the server longest since the last reset, each with its share of all. */
export async function topStatements({ sql }: StatementServer): Promise<Figure[]> {
  const rows = await sql`
    select regexp_replace(left(query, 400), '\\s+', ' ', 'g') as query, calls::int, total_exec_time as ms,
      100 * total_exec_time / sum(total_exec_time) over () as share
    from pg_stat_statements order by total_exec_time desc limit ${TOP}`;
  return rows.flatMap(({ query, calls, ms, share }, n): Figure[] => {
    const name = `statement ${n + 1}: ${String(query).trim().slice(0, 44)}`;
    return [
      { name, value: share, unit: "%", target: null },
      { name: `statement ${n + 1}, mean of ${calls} calls`, value: ms / calls, unit: "ms", target: null },
    ];
  });
}
