import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { api, unwrap } from '@/api/client';
import type { components } from '@/api/schema';

type Page = components['schemas']['NotificationPage_NotificationView'];

/** The newest notification, and how many are unread. */
export function useUnread(): UseQueryReturnType<Page, Error> {
  return useQuery({
    queryKey: ['salesmen', 'notifications', 'unread'],
    queryFn: () =>
      unwrap(api.GET('/api/salesmen/me/notifications', { params: { query: { limit: 1 } } })),
  });
}
