import { useInfiniteQuery } from '@tanstack/vue-query';
import { computed, type ComputedRef, type MaybeRefOrGetter, toValue } from 'vue';

/** One page of a list: its rows, and where the next one begins. */
export interface Page<T> {
  items: T[];
  next?: string | null;
}

/** A list that is read page by page. */
export interface PagedList<T> {
  items: ComputedRef<T[]>;
  hasMore: ComputedRef<boolean>;
  isPending: ComputedRef<boolean>;
  /** The rows are those of the previous filter, until the new ones arrive. */
  isPrevious: ComputedRef<boolean>;
  isLoadingMore: ComputedRef<boolean>;
  error: ComputedRef<Error | null>;
  loadMore: () => void;
  reload: () => void;
}

/**
 * A list with 「더 보기」. Pages that were loaded stay, and are all fetched again when an event says
 * that the list changed.
 */
export function usePagedList<T>(
  key: MaybeRefOrGetter<readonly unknown[]>,
  fetchPage: (after: string | undefined) => Promise<Page<T>>,
  enabled: MaybeRefOrGetter<boolean> = true,
): PagedList<T> {
  const query = useInfiniteQuery({
    queryKey: computed(() => toValue(key)),
    queryFn: ({ pageParam }) => fetchPage(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<T>) => last.next ?? undefined,
    enabled: computed(() => toValue(enabled)),
    // The old rows stay while a filter changes, so that nothing jumps.
    placeholderData: (previous) => previous,
  });
  return {
    items: computed(() => query.data.value?.pages.flatMap((page) => page.items) ?? []),
    hasMore: computed(() => query.hasNextPage.value),
    isPending: computed(() => query.isPending.value),
    isPrevious: computed(() => query.isPlaceholderData.value),
    isLoadingMore: computed(() => query.isFetchingNextPage.value),
    error: computed(() => query.error.value),
    loadMore: () => void query.fetchNextPage(),
    reload: () => void query.refetch(),
  };
}
