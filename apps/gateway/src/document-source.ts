/** Where a gateway's documents come from; undefined when the admin API gives them. */
export type DocumentSource =
  | { readonly kind: 'files'; readonly path: string }
  /** Entries of the registry's configuration whose keys begin with `prefix`. */
  | { readonly kind: 'store'; readonly prefix: string };

const scheme = 'registry:';
const storeForm = /^registry:\/\/\/([A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*)$/;

/** What RAFTWAY_DOCUMENTS says: `registry:///edge` for the entries `edge/…`, or else a path. */
export function documentSource(documents: string | undefined): DocumentSource | undefined {
  if (documents === undefined) return undefined;
  const name = storeForm.exec(documents)?.[1];
  return name === undefined
    ? { kind: 'files', path: documents }
    : { kind: 'store', prefix: `${name}/` };
}

/** Whether it is a path, or names entries as it should. */
export function isDocumentSource(documents: string): boolean {
  return !documents.startsWith(scheme) || storeForm.test(documents);
}
