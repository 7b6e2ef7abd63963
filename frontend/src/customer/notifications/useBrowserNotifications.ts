import { watch } from 'vue';
import { showNotification } from '@/live/browserNotifications';
import { useLive } from '@/live/live';
import { sentenceOf } from '@/live/sentences';
import { router } from '@/router';
import { language } from '@/texts/texts';
import { sentenceOfNotification } from './sentence';
import { notificationTexts } from './texts';
import { useUnread } from './useUnread';

function show(body: string, tag: string, path: string): void {
  showNotification(body, tag, () => void router.push(path));
}

/** Tells of news by notifications of the browser, as long as the component lives. */
export function useBrowserNotifications(): void {
  const unread = useUnread();
  /** When the newest one that is known happened. What was unread at first is no news. */
  let known: string | undefined;
  watch(
    () => unread.page.value,
    (page) => {
      const newest = page?.items[0];
      if (newest && known !== undefined && newest.createdAt > known) {
        const sentence = sentenceOfNotification(newest, notificationTexts[language.value]);
        show(sentence, newest.origin?.id ?? newest.id, '/customer/notifications');
      }
      if (page && newest && newest.createdAt > (known ?? '')) known = newest.createdAt;
      if (page) known ??= '';
    },
    { immediate: true },
  );
  // The first match is no notification of the list. The tag is that of a later match, which is one.
  useLive((event) => {
    const sentence = event.type === 'SalesmanMatched' ? sentenceOf(event) : undefined;
    if (sentence === undefined) return;
    const body = [event.projectName, sentence].filter(Boolean).join(': ');
    const path = event.origin?.kind === 'interest' ? 'interests' : 'consultations';
    show(body, event.origin?.id ?? event.cursor, `/customer/${path}`);
  });
}
