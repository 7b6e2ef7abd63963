import { ref, shallowRef, toValue, watch, type MaybeRefOrGetter, type Ref } from 'vue';
import { freshRows, steadyRows, type SteadyRow } from './steady';

/** Rows that keep their places while someone reads. */
export interface SteadyList<T> {
  rows: Readonly<Ref<readonly SteadyRow<T>[]>>;
  /** New rows that are not shown yet. */
  waiting: Readonly<Ref<number>>;
  /** Shows the rows as they are now. */
  show: () => void;
  /** Shows the next rows as they come: more of the list was asked for. */
  showNext: () => void;
}

interface Source<T> {
  items: MaybeRefOrGetter<readonly T[] | undefined>;
  /** Another list begins with another key. */
  key?: MaybeRefOrGetter<string>;
  /** The rows are still those of the key before. */
  isPrevious?: MaybeRefOrGetter<boolean>;
  /** They are being read. Until then, what was kept from before is shown. */
  isReading?: MaybeRefOrGetter<boolean>;
}

/** Keeps the rows of a list steady until its key changes or the reader asks for new ones. */
export function useSteadyRows<T extends { id: string }>(source: Source<T>): SteadyList<T> {
  const rows = shallowRef<readonly SteadyRow<T>[]>([]);
  const waiting = ref(0);
  let isAccepting = true;

  const show = (): void => {
    rows.value = freshRows(toValue(source.items) ?? []);
    waiting.value = 0;
  };

  watch(
    () =>
      [
        toValue(source.items),
        toValue(source.key),
        toValue(source.isPrevious),
        toValue(source.isReading) ?? false,
      ] as const,
    ([items, key, isPrevious, isReading], before) => {
      if (isPrevious || (before !== undefined && key !== before[1])) isAccepting = true;
      if (isPrevious || !items) return;
      if (isAccepting) {
        show();
        isAccepting = isReading;
        return;
      }
      const steady = steadyRows(rows.value, items);
      rows.value = steady.rows;
      waiting.value = steady.waiting;
    },
    { immediate: true },
  );

  const showNext = (): void => {
    isAccepting = true;
  };
  return { rows, waiting, show, showNext };
}
