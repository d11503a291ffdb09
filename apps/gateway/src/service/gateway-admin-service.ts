import { gateway } from '@raftway/contracts';
import { invalidArgument, limitViolation } from '@raftway/errors';
import { implementService, type ServiceImplementation } from '@raftway/service-kit';
import { type DocumentStore } from '../adapters/document-store';
import { byText, readTexts } from '../adapters/read-texts';
import {
  type CompiledDocuments,
  documentSet,
  type DocumentSet,
  type DocumentStatus,
  type DocumentTable,
  type ReadText,
  type DocumentNeeds,
} from '../domain/documents';
import * as refusal from '../domain/refusal';
import { type RoutingTable } from '../domain/routing-table';
import { backendMessage } from './backend-message';
import { explainCall, type ExplainContext } from './explain-call';
import { page } from './page';
import {
  compositeRoute,
  differenceMessage,
  documentMessage,
  httpRuleRoute,
  registeredRoute,
  ruleRoute,
} from './messages';

/** What the admin service shows and changes. */
export interface AdminContext extends ExplainContext {
  readonly table: RoutingTable;
  readonly documents: DocumentTable;
  /** Which files documents come from; undefined when the admin API gives them. */
  readonly documentsPath: string | undefined;
  /** Where they are written for all gateways; undefined when this gateway keeps what it is given. */
  readonly store: Pick<DocumentStore, 'replace'> | undefined;
  /** Whether there is something to count shared limits in. */
  readonly sharesLimits: boolean;
  /** Uses a set without problems, and what it was compiled to, from now on. */
  readonly apply: (set: DocumentSet, compiled: CompiledDocuments) => void;
}

/** Files of one request. */
const filesMax = 20_000;
const headersMax = 256;
const certificateNamesMax = 64;
/** Problems in one refusal: they travel in trailers. */
const problemsMax = 20;

/** @throws ServiceError INVALID_ARGUMENT for more than so many */
function limited(field: string, count: number, max: number): void {
  if (count > max) throw invalidArgument(limitViolation(field, max, count));
}

/** `GatewayAdminService`: for operators, on the admin port. */
export function gatewayAdminService(context: AdminContext): ServiceImplementation {
  const { table, documents } = context;
  let applied: readonly ReadText[] = [];

  return implementService(gateway.GatewayAdminServiceService, {
    listRoutes: ({ grpcService, pageSize, pageToken }) => {
      const isWanted = (route: { readonly grpcService: string }): boolean =>
        grpcService === '' || ['', grpcService].includes(route.grpcService);
      const entries = documents.current?.routeEntries ?? [];
      // A request becomes a call of any service.
      const httpEntries = documents.current?.httpEntries ?? [];
      // Made when they are shown: a page of thousands costs a page.
      const routes = [
        ...entries.filter(isWanted).map((entry) => () => ruleRoute(entry, table)),
        ...httpEntries.map((entry) => () => httpRuleRoute(entry, table)),
        ...table
          .list()
          .filter(isWanted)
          .map((route) => () => registeredRoute(route)),
        ...(grpcService === '' ? (documents.web?.composites?.composites ?? []) : []).map(
          (composite) => () => compositeRoute(composite),
        ),
      ];
      const { items, nextPageToken } = page(routes, pageSize, pageToken);
      return { routes: items.map((make) => make()), nextPageToken };
    },

    listBackends: ({ service }) => {
      const names = table.serviceNames().filter((name) => service === '' || name === service);
      return { backends: names.map((name) => backendMessage(name, context)) };
    },

    applyDocuments: async ({ files, dryRun }) => {
      if (files.length > filesMax)
        throw invalidArgument(limitViolation('files', filesMax, files.length));
      if (context.documentsPath !== undefined && !dryRun)
        throw refusal.documentsFromFiles(context.documentsPath);
      const texts = await readAll(files, applied);
      const set = documentSet(texts);
      if (set.problems.length > 0)
        throw invalidArgument(
          set.problems
            .slice(0, problemsMax)
            .map(({ where, message }) => ({ field: where, description: message })),
        );
      const { after, changes } = documents.compare(set);
      if (!dryRun && context.store !== undefined) await context.store.replace(files);
      else if (!dryRun) {
        context.apply(set, after);
        applied = texts;
      }
      return {
        ...differenceMessage(changes),
        statuses: statusesOf(after, context).map(documentMessage),
        generation: BigInt(documents.generation),
      };
    },

    listDocuments: ({ pageSize, pageToken }) => {
      const statuses = statusesOf(documents.current, context);
      const { items, nextPageToken } = page(statuses, pageSize, pageToken);
      return {
        documents: items.map(documentMessage),
        nextPageToken,
        generation: BigInt(documents.generation),
        problems: documents.problems.map(({ where, message }) => `${where} ${message}`),
      };
    },

    explainCall: (request) => {
      limited('headers', Object.keys(request.headers).length, headersMax);
      limited('certificate_names', request.certificateNames.length, certificateNamesMax);
      return explainCall(request, context);
    },
  });
}

/** Conditions of all documents of a set, as the registry and the schemas are now. */
function statusesOf(
  compiled: CompiledDocuments | undefined,
  { table, parts, security, sharesLimits }: AdminContext,
): DocumentStatus[] {
  const isKnown = (name: string): boolean => table.isKnownService(name);
  const needs: DocumentNeeds = {
    unloaded: (policy) => security.faultsOf(policy),
    sharesLimits,
    partFaults: (composite) => parts.faultsOf(composite),
  };
  return compiled?.statuses(isKnown, needs) ?? [];
}

/** @param before what was read last */
async function readAll(
  files: readonly gateway.DocumentFile[],
  before: readonly ReadText[],
): Promise<ReadText[]> {
  const known = byText(before);
  const texts: ReadText[] = [];
  for (const file of files) texts.push(...(await readTexts(file, known)));
  return texts;
}
