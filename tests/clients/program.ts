/**
 * Asks for usage as a TypeScript program does, through a client generated from the served OpenAPI
 * document. Its task is read as JSON from standard input, its answers are written as JSON to
 * standard output.
 *
 * The words of the documentation page stand here as types, so that the program compiles only if the
 * generated types say the same.
 */

import { readFileSync } from "node:fs";

import { client as shared } from "./sdk/client.gen.js";
import { createClient, type Client } from "./sdk/client/index.js";
import {
  openportalAllocationUserUsageCount as usageCount,
  openportalAllocationUserUsageList as usageList,
  openportalAllocationUserUsageRetrieve as usageRetrieve,
} from "./sdk/index.js";
import type {
  AllocationUserUsage,
  OpenportalAllocationUserUsageCountData,
  OpenportalAllocationUserUsageListData,
  OpenportalAllocationUserUsageListResponses,
  OpenportalAllocationUserUsageRetrieveData,
} from "./sdk/index.js";

// ------------------------------------------------------------------ the documentation page

interface Query {
  allocation?: string;
  allocation_uuid?: string;
  month?: number;
  page?: number;
  page_size?: number;
  user?: string;
  user_uuid?: string;
  year?: number;
}

interface Row {
  node_usage?: string;
  month: number;
  year: number;
  allocation: string;
  user?: string | null;
  username: string;
  full_name: string;
}

/** What comes may be read as the page says ... */
const read = (row: AllocationUserUsage): Row => row;

/** ... and what the page says may come: here, the usage of nobody. */
({
  node_usage: "0.10",
  month: 2,
  year: 2024,
  allocation: "https://api.example.com/api/openportal-allocations/ffffffff/",
  user: null,
  username: "unknown",
  full_name: "",
}) satisfies AllocationUserUsage;

type ListQuery = OpenportalAllocationUserUsageListData["query"];
type CountQuery = OpenportalAllocationUserUsageCountData["query"];

/** Every parameter of the page may be sent, to the list and to its count. */
const asked = (query: Query) =>
  ({
    allocation: query.allocation,
    allocation_uuid: query.allocation_uuid,
    month: query.month,
    page: query.page,
    page_size: query.page_size,
    user: query.user,
    user_uuid: query.user_uuid,
    year: query.year,
  }) satisfies ListQuery satisfies CountQuery;

const numbered = (id: number) =>
  ({ id: id }) satisfies OpenportalAllocationUserUsageRetrieveData["path"];

// ---------------------------------------------------------------------- task and answers

interface Task {
  address: string;
  token: string;
  stranger: string;
  questions: Record<string, Query>;
  walks: Record<string, { token: string; query: Query }>;
  retrievals: Record<string, { token: string; ids: number[] }>;
}

interface Refusal {
  status: number | undefined;
  error: unknown;
}

interface Signed {
  sent: string | null;
  rows: Row[];
}

const refusal = (response: Response | undefined, error: unknown): Refusal => ({
  status: response?.status,
  error,
});

const told = (response: Response): number => Number(response.headers.get("X-Result-Count"));

// ------------------------------------------------------------------------------ one request

async function page(client: Client, query: Query): Promise<{ rows: Row[] } | Refusal> {
  const reply = await usageList({ client, query: asked(query), throwOnError: false });
  return reply.data === undefined
    ? refusal(reply.response, reply.error)
    : { rows: reply.data.map(read) };
}

async function count(client: Client, query: Query): Promise<number | Refusal> {
  const reply = await usageCount({ client, query: asked(query), throwOnError: false });
  return reply.response?.ok ? told(reply.response) : refusal(reply.response, reply.error);
}

async function retrieve(client: Client, id: number): Promise<Row | Refusal> {
  const reply = await usageRetrieve({ client, path: numbered(id), throwOnError: false });
  return reply.data === undefined ? refusal(reply.response, reply.error) : read(reply.data);
}

// -------------------------------------------------------------------------------- all pages

/** The address that the Link header names as the next page, without the server's. */
function next(response: Response, address: string): string | undefined {
  const link = /<([^>]*)>; rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
  if (link !== undefined && !link.startsWith(`${address}/`)) {
    throw new Error(`not an address of the server: ${link}`);
  }
  return link?.slice(address.length);
}

async function byLink(client: Client, query: Query, address: string): Promise<Row[]> {
  let reply = await usageList({ client, query: asked(query) });
  const rows = reply.data.map(read);
  for (let url = next(reply.response, address); url; url = next(reply.response, address)) {
    reply = await client.get<OpenportalAllocationUserUsageListResponses, unknown, true>({
      url,
      throwOnError: true,
    });
    rows.push(...reply.data.map(read));
  }
  return rows;
}

async function byNumber(client: Client, query: Query, total: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (let number = 1; rows.length < total; number += 1) {
    const { data } = await usageList({ client, query: asked({ ...query, page: number }) });
    rows.push(...data.map(read));
  }
  return rows;
}

async function walk(client: Client, query: Query, address: string) {
  const { response } = await usageCount({ client, query: asked(query) });
  return {
    count: told(response),
    by_link: await byLink(client, query, address),
    by_number: await byNumber(client, query, told(response)),
  };
}

// --------------------------------------------------------------------------------- signing in

/** As the documentation page does it, with the client that all share. */
async function signedByAuth(auth: string): Promise<Signed> {
  const { data, request } = await usageList({ auth });
  return { sent: request.headers.get("Authorization"), rows: data.map(read) };
}

async function signedByHeader(Authorization: string): Promise<Signed> {
  const { data, request } = await usageList({ headers: { Authorization } });
  return { sent: request.headers.get("Authorization"), rows: data.map(read) };
}

async function thrown(auth: string): Promise<unknown> {
  try {
    return await usageList({ auth });
  } catch (error) {
    return error;
  }
}

// ------------------------------------------------------------------------------ the whole task

/** One answer after the other, under the names of what was asked. */
async function each<In, Out>(tasks: Record<string, In>, answer: (task: In) => Promise<Out>) {
  const answers: Record<string, Out> = {};
  for (const [name, task] of Object.entries(tasks)) {
    answers[name] = await answer(task);
  }
  return answers;
}

async function answers({ address, token, stranger, questions, walks, retrievals }: Task) {
  const byAuth = (key: string) => createClient({ baseUrl: address, auth: `Token ${key}` });
  const byHeader = (key: string) =>
    createClient({ baseUrl: address, headers: { Authorization: `Token ${key}` } });
  shared.setConfig({ baseUrl: address });
  return {
    pages: await each(questions, (query) => page(byAuth(token), query)),
    counts: await each(questions, (query) => count(byAuth(token), query)),
    walks: await each(walks, ({ token, query }) => walk(byHeader(token), query, address)),
    retrieved: await each(retrievals, ({ token, ids }) =>
      Promise.all(ids.map((id) => retrieve(byHeader(token), id))),
    ),
    refused: {
      list: await page(byAuth(stranger), {}),
      count: await count(byAuth(stranger), {}),
      retrieve: await retrieve(byAuth(stranger), 1),
    },
    thrown: await thrown(`Token ${stranger}`),
    signed: {
      auth: await signedByAuth(`Token ${token}`),
      token: await signedByHeader(`Token ${token}`),
      bearer: await signedByHeader(`Bearer ${token}`),
      bearer_token: await signedByHeader(`Bearer Token ${token}`),
    },
  };
}

const task: Task = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(await answers(task)));
