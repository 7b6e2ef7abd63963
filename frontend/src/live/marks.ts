import { computed, reactive, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { role } from '@/session/session';
import type { LiveEvent } from './events';

/** How long a row stays tinted: `--d-live`. */
const TINT_MS = 1_600;

/** How long the event of one's own act may take to arrive. */
const OWN_MS = 10_000;

/** What someone else changed. */
export interface Mark {
  event: LiveEvent;
  /** Whether the row is tinted. The words stay until the page is left. */
  isFresh: boolean;
}

const marks = reactive(new Map<string, Mark>());
const own = new Map<string, number>();

/** The user of this page is changing it: the event of that is not marked. */
export function markOwn(...ids: (string | undefined)[]): void {
  for (const id of ids) if (id !== undefined) own.set(id, Date.now() + OWN_MS);
}

function isOwn(event: LiveEvent, ids: readonly string[]): boolean {
  // A customer sees of customers only what they did themselves, perhaps on another device.
  if (role.value === 'customer' && event.by === 'customer') return true;
  // What the system does after one's own act, such as a match, is news.
  return event.by !== 'system' && ids.some((id) => (own.get(id) ?? 0) > Date.now());
}

/** Marks what the event is about, unless the user of this page caused it. */
export function markChanged(event: LiveEvent): boolean {
  const changed = event.changed?.map((project) => project.aggregateId) ?? [];
  const ids = [event.aggregateId, event.origin?.id, ...changed].filter((id) => id !== undefined);
  if (ids.length === 0 || isOwn(event, ids)) return false;
  for (const id of ids) marks.set(id, { event, isFresh: true });
  setTimeout(() => {
    for (const id of ids) {
      const mark = marks.get(id);
      if (mark?.event === event) marks.set(id, { event, isFresh: false });
    }
  }, TINT_MS);
  return true;
}

/** Forgets the marks: the user left the view that showed them. */
export function clearMarks(): void {
  marks.clear();
}

/** What someone else changed about the thing with this id, while the view is open. */
export function useMark(id: MaybeRefOrGetter<string | undefined>): ComputedRef<Mark | undefined> {
  return computed(() => marks.get(toValue(id) ?? ''));
}

/** The things that someone else has just changed: their rows are tinted. */
export function useChangedIds(): ComputedRef<ReadonlySet<string>> {
  return computed(() => new Set([...marks].flatMap(([id, { isFresh }]) => (isFresh ? [id] : []))));
}
