import { describe, expect, it } from 'vitest';
import { withRead } from './reading';
import type { Notification } from './words';

const AT = '2026-03-04T02:00:00Z';
const one = (id: string): Notification => ({
  id,
  kind: 'assigned',
  createdAt: AT,
  readAt: null,
  details: {} as Notification['details'],
});
const page = { items: [one('a'), one('b')], unread: 7 };

describe('reading notifications', () => {
  it('marks those that were read and counts what is left', () => {
    const after = withRead(page, ['b'], AT);
    expect(after.items.map((item) => item.readAt)).toEqual([null, AT]);
    expect(after.unread).toBe(6);
    expect(withRead(page, ['b'], AT, 3).unread).toBe(3);
  });

  it('marks all of every page', () => {
    const after = withRead({ pages: [page, { ...page, items: [one('c')] }] }, 'all', AT);
    expect(after.pages.flatMap((it) => it.items).every((item) => item.readAt === AT)).toBe(true);
    expect(after.pages.map((it) => it.unread)).toEqual([0, 0]);
  });

  it('leaves other values of the cache as they are', () => {
    expect(withRead(undefined, 'all', AT)).toBeUndefined();
    expect(withRead({ other: 1 }, 'all', AT)).toEqual({ other: 1 });
  });
});
