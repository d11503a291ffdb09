import { invalidArgument, limitViolation } from '@raftway/errors';

const pageSizeDefault = 1000;
const pageSizeMax = 10_000;

/** A part of a list; a token is the place of the next item. @throws ServiceError INVALID_ARGUMENT for a wrong size or token. */
export function page<Item>(
  items: readonly Item[],
  pageSize: number,
  pageToken: string,
): { readonly items: readonly Item[]; readonly nextPageToken: string } {
  if (pageSize > pageSizeMax)
    throw invalidArgument(limitViolation('page_size', pageSizeMax, pageSize));
  if (!/^\d{0,9}$/.test(pageToken))
    throw invalidArgument({
      field: 'page_token',
      description: 'must be empty, or the next_page_token of an answer',
    });
  const start = Number(pageToken);
  const end = start + (pageSize === 0 ? pageSizeDefault : pageSize);
  return { items: items.slice(start, end), nextPageToken: end < items.length ? String(end) : '' };
}
