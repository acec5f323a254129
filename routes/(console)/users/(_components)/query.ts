import { AppError } from "../../../../core/errors.ts";
import { UserListQuery } from "../../../../core/views/users.ts";

/** What the address asks for, as it was typed, so that the filter row shows it again. */
export interface AskedUsers {
  q: string;
  role: string;
  state: string;
  factor: string;
  group: string;
  sort: string;
  cursor: string;
}

/** The list's query as its address says it; empty fields of the filter row count as absent. */
export function askedUsers(params: URLSearchParams): AskedUsers {
  const text = (name: string) => (params.get(name) ?? "").replaceAll("\u0000", "").trim();
  return {
    q: text("q"),
    role: text("role"),
    state: text("state"),
    factor: text("factor"),
    group: text("group"),
    sort: text("sort"),
    cursor: text("cursor"),
  };
}

/** @throws AppError validation_failed for a value that no filter has */
export function usersQuery({ q, sort, cursor, ...filter }: AskedUsers): UserListQuery {
  const given = Object.entries({ search: q, sort, cursor, ...filter }).filter(([, value]) => value !== "");
  const read = UserListQuery.safeParse(Object.fromEntries(given));
  if (read.success) return read.data;
  const [{ path, message }] = read.error.issues;
  const problem = `The filter for ${path.join(".")} ${message}.`;
  throw new AppError("validation_failed", { message: problem, hint: "Choose again from the filters." });
}

/** True when something is asked for beside order and page. */
export function isFiltered({ sort: _, cursor: __, ...filter }: AskedUsers): boolean {
  return Object.values(filter).some((value) => value !== "");
}
