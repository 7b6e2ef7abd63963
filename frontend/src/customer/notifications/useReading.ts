import { useMutation, useQueryClient } from '@tanstack/vue-query';
import { api, idempotencyKey, once, unwrap } from '@/api/client';
import { useTexts } from '@/texts/texts';
import { useToasts } from '@/ui/toasts';
import { notificationTexts } from './texts';

/** Marks notifications as read: those with these ids, or all. Nothing else does. */
export function useReading(): {
  read: (ids: string[] | 'all') => void;
  isBusy: () => boolean;
} {
  const queries = useQueryClient();
  const toasts = useToasts();
  const t = useTexts(notificationTexts);
  const mutation = useMutation({
    mutationFn: (ids: string[] | 'all') =>
      unwrap(
        api.POST('/api/interests/notifications/read', {
          params: { header: once(idempotencyKey()) },
          body: ids === 'all' ? { all: true } : { ids },
        }),
      ),
    onError: () => toasts.show(t.value.notRead),
    onSettled: () => queries.invalidateQueries({ queryKey: ['interests', 'notifications'] }),
  });
  return { read: (ids) => mutation.mutate(ids), isBusy: () => mutation.isPending.value };
}
