import { useQuery } from '@tanstack/vue-query';
import { computed, type ComputedRef } from 'vue';
import { api, unwrap } from '@/api/client';
import { role } from '@/session/session';
import type { Notification } from './sentence';

/** What of the customer's notifications is unread. */
export interface Unread {
  count: ComputedRef<number>;
  /** The newest one alone, and the count; undefined until it was read. */
  page: ComputedRef<{ unread: number; items: Notification[] } | undefined>;
}

/** How many notifications of the customer are unread, and the newest of them. */
export function useUnread(): Unread {
  const query = useQuery({
    queryKey: ['interests', 'notifications', 'unread'],
    queryFn: () =>
      unwrap(
        api.GET('/api/interests/notifications', { params: { query: { limit: 1, unread: true } } }),
      ),
    enabled: computed(() => role.value === 'customer'),
  });
  return {
    count: computed(() => query.data.value?.unread ?? 0),
    page: computed(() => query.data.value),
  };
}
