import { useQueryClient } from '@tanstack/vue-query';
import { ref, type Ref } from 'vue';
import { api, idempotencyKey, once, unwrap } from '@/api/client';
import { useTexts } from '@/texts/texts';
import { useToasts } from '@/ui/toasts';
import { withRead, type Which } from './reading';
import { notificationTexts } from './texts';

const KEY = ['salesmen', 'notifications'];

/** Marks notifications as read, on purpose only. What is shown changes at once. */
export function useReading(): { isBusy: Ref<boolean>; read: (which: Which) => Promise<void> } {
  const queries = useQueryClient();
  const toasts = useToasts();
  const t = useTexts(notificationTexts);
  const isBusy = ref(false);

  const put = (which: Which, unread?: number): void => {
    const at = new Date().toISOString();
    queries.setQueriesData({ queryKey: KEY }, (value: unknown) =>
      withRead(value, which, at, unread),
    );
  };

  const read = async (which: Which): Promise<void> => {
    isBusy.value = true;
    put(which);
    try {
      const answer = await unwrap(
        api.POST('/api/salesmen/me/notifications/read', {
          params: { header: once(idempotencyKey()) },
          body: which === 'all' ? { all: true } : { ids: [...which] },
        }),
      );
      put(which, answer.unread);
      if (which === 'all') toasts.show(t.value.readAllDone);
    } catch {
      toasts.show(t.value.readFailed);
      void queries.invalidateQueries({ queryKey: KEY });
    } finally {
      isBusy.value = false;
    }
  };

  return { isBusy, read };
}
