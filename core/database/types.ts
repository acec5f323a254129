import type postgres from "postgres";

/** Types beyond the driver's own that a statement takes as parameter. */
interface Types extends Record<string, unknown> {
  instant: Temporal.Instant;
}

/** A pool of connections. */
export type Sql = postgres.Sql<Types>;
/** One open transaction. */
export type Tx = postgres.TransactionSql<Types>;
/** Either: what a store takes. */
export type Db = postgres.ISql<Types>;
