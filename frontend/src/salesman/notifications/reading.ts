import type { Notification } from './words';

interface Page {
  items: Notification[];
  unread: number;
}

/** Which notifications are marked as read. */
export type Which = readonly string[] | 'all';

function isPage(value: unknown): value is Page {
  return typeof value === 'object' && value !== null && 'items' in value && 'unread' in value;
}

/**
 * A cached page, or the pages of a list, with these notifications read at `at`. `unread` is what
 * the server says is left; without it, it is computed.
 */
export function withRead<T>(value: T, which: Which, at: string, unread?: number): T {
  if (typeof value !== 'object' || value === null) return value;
  if ('pages' in value && Array.isArray(value.pages)) {
    const pages = value.pages.map((page: unknown) => withRead(page, which, at, unread));
    return { ...value, pages };
  }
  if (!isPage(value)) return value;
  const hits = (item: Notification): boolean =>
    !item.readAt && (which === 'all' || which.includes(item.id));
  const left = which === 'all' ? 0 : Math.max(0, value.unread - which.length);
  return {
    ...value,
    unread: unread ?? left,
    items: value.items.map((item) => (hits(item) ? { ...item, readAt: at } : item)),
  };
}
