import { watch } from 'vue';
import { useRouter } from 'vue-router';
import { showNotification } from '@/live/browserNotifications';
import { names } from '@/texts/names';
import { useTexts } from '@/texts/texts';
import { notificationTexts } from './texts';
import { useUnread } from './useUnread';
import { wordsOf } from './words';

/** Tells of new notifications by the browser, as long as the component lives. */
export function useBrowserNotifications(): void {
  const router = useRouter();
  const t = useTexts(notificationTexts);
  const n = useTexts(names);
  const { data } = useUnread();
  /** When the newest known one happened. What was there at first is no news. */
  let known: string | undefined;

  watch(
    data,
    (page) => {
      if (!page) return;
      const [newest] = page.items;
      if (newest && known !== undefined && newest.createdAt > known) {
        const { subject, happened, to } = wordsOf(newest, t.value, n.value);
        showNotification(`${subject} ${happened}`, newest.id, () => {
          void router.push(to ?? '/salesman/notifications');
        });
      }
      known = newest?.createdAt ?? known ?? '';
    },
    { immediate: true },
  );
}
