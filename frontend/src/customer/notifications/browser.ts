import { computed, ref, watch } from 'vue';
import { useLive } from '@/live/live';
import { sentenceOf } from '@/live/sentences';
import { router } from '@/router';
import { language } from '@/texts/texts';
import { sentenceOfNotification } from './sentence';
import { notificationTexts } from './texts';
import { useUnread } from './useUnread';

/** What the browser and the person allow. `none`: the browser cannot show notifications. */
export type Allowed = 'none' | 'asks' | 'on' | 'off' | 'denied';

const STORED = 'ktgg-browser-notifications';

/** Events about this customer alone. What happened to a programme comes by `useUnread`. */
const PERSONAL = ['ConsultationProgressed', 'SalesmanMatched', 'SalesmanUnmatched'];

function isStored(): boolean {
  try {
    return localStorage.getItem(STORED) === 'on';
  } catch {
    return false;
  }
}

const isWanted = ref(isStored());
const permission = ref<NotificationPermission | 'none'>(
  'Notification' in globalThis ? globalThis.Notification.permission : 'none',
);

/** Whether notifications are shown, and if not, why. */
export const allowed = computed<Allowed>(() => {
  if (permission.value === 'none' || permission.value === 'denied') {
    return permission.value;
  }
  if (permission.value === 'default') return 'asks';
  return isWanted.value ? 'on' : 'off';
});

function want(on: boolean): void {
  isWanted.value = on;
  try {
    localStorage.setItem(STORED, on ? 'on' : 'off');
  } catch {
    // Storage can be forbidden. The choice then lasts as long as the page.
  }
}

/** Asks the browser for its permission. Called by a press of a button only. */
export async function turnOn(): Promise<void> {
  permission.value = await globalThis.Notification.requestPermission();
  if (permission.value === 'granted') want(true);
}

/** Shows none any more. The permission of the browser stays. */
export function turnOff(): void {
  want(false);
}

/** Shows a sentence while the page is hidden. `tag` keeps several pages from saying it twice. */
function show(body: string, tag: string, path: string): void {
  if (allowed.value !== 'on' || !document.hidden) return;
  try {
    const shown = new globalThis.Notification('KT.GG', { body, tag, lang: language.value });
    shown.addEventListener('click', () => {
      window.focus();
      void router.push(path);
    });
  } catch {
    // Chromium on Android shows them from a service worker only.
  }
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
        show(sentence, newest.id, '/customer/notifications');
      }
      if (page && newest && newest.createdAt > (known ?? '')) known = newest.createdAt;
      if (page) known ??= '';
    },
    { immediate: true },
  );
  useLive((event) => {
    const sentence = PERSONAL.includes(event.type) ? sentenceOf(event) : undefined;
    if (sentence === undefined || event.by === 'customer') return;
    const body = [event.projectName, sentence].filter(Boolean).join(': ');
    show(body, event.id ?? event.cursor, '/customer/consultations');
  });
}
