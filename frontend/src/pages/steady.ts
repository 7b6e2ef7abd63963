/** A row of a list, and whether it left the list while someone was reading. */
export interface SteadyRow<T> {
  /** As it was when it was shown first: it decides about the place. */
  first: T;
  item: T;
  isGone: boolean;
}

/**
 * The rows in the order in which they were shown, with what is known of them now. A row that left
 * the list keeps its place and its last state. New rows wait: they are counted, not shown, so that
 * nothing moves under a pointer.
 */
export function steadyRows<T extends { id: string }>(
  shown: readonly SteadyRow<T>[],
  current: readonly T[],
): { rows: SteadyRow<T>[]; waiting: number } {
  const byId = new Map(current.map((item) => [item.id, item]));
  const rows = shown.map((row) => {
    const item = byId.get(row.item.id);
    byId.delete(row.item.id);
    return { first: row.first, item: item ?? row.item, isGone: !item };
  });
  return { rows, waiting: byId.size };
}

/** Rows as they are now, with nothing kept. */
export function freshRows<T>(items: readonly T[]): SteadyRow<T>[] {
  return items.map((item) => ({ first: item, item, isGone: false }));
}
