import { type ConfigView } from '@raftway/discovery';
import { type Logger } from '@raftway/observability';
import { type DocumentSource } from '../document-source';
import { type CompiledDocuments, type DocumentSet, DocumentTable } from '../domain/documents';
import { DocumentFiles } from './document-files';
import { DocumentStore } from './document-store';

/** What {@link LiveDocuments} works with. */
export interface LiveDocumentsSettings {
  /** Undefined when the admin API gives the documents. */
  readonly source: DocumentSource | undefined;
  /** Of the entries of a source that is a store. */
  readonly config: ConfigView | undefined;
  readonly logger: Logger;
  /** Told of every set, whether it is used, and whether its policies of backends differ from those of before. */
  readonly onSet: (used: boolean, backendsDiffer: boolean) => void;
}

/** Problems in one line of the log. */
const problemsLogged = 10;

/** The documents that calls are routed by, and where they come from. */
export class LiveDocuments {
  readonly table: DocumentTable;
  /** Where documents are written for all gateways; undefined when they do not come from the registry. */
  readonly store: DocumentStore | undefined;
  private readonly files: DocumentFiles | undefined;

  constructor(private readonly settings: LiveDocumentsSettings) {
    const { source, config, logger } = settings;
    this.table = new DocumentTable(source !== undefined);
    const onSet = (set: DocumentSet): void => this.apply(set);
    if (source?.kind === 'files') this.files = new DocumentFiles(source.path, onSet, logger);
    if (source?.kind !== 'store') return;
    if (config === undefined) throw new TypeError('documents of a store need a view of it');
    this.store = new DocumentStore(config, source.prefix, onSet);
  }

  /** Why the gateway is not ready; undefined when documents are no reason. */
  get unreadyBecause(): string | undefined {
    if (!this.table.isAwaited) return undefined;
    const [first] = this.table.problems;
    return `documents: ${first === undefined ? 'not read yet' : `${first.where} ${first.message}`}`;
  }

  /** Reads what there is, and follows it. */
  async start(): Promise<void> {
    this.store?.start();
    await this.files?.start();
  }

  async stop(): Promise<void> {
    await this.store?.stop();
    await this.files?.stop();
  }

  /**
   * Uses a set, in one step: a call that began before keeps what it found. A set with problems changes nothing.
   * @param compiled what the set was just compiled to; left out, that is done now.
   */
  apply(set: DocumentSet, compiled?: CompiledDocuments): void {
    const { logger, onSet } = this.settings;
    const before = this.table.current?.backends;
    const used = this.table.apply(set, compiled);
    const { generation } = this.table;
    if (used) logger.info('documents are used', { documents: set.documents.length, generation });
    else
      logger.error('documents are not used: those of before hold', {
        count: set.problems.length,
        problems: set.problems
          .slice(0, problemsLogged)
          .map(({ where, message }) => `${where} ${message}`),
      });
    onSet(used, this.table.current?.backends !== before);
  }
}
