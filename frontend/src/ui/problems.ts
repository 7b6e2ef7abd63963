import { formatNumber } from '@/texts/format';
import { withParticle } from '@/texts/korean';
import { defineTexts } from '@/texts/texts';

/** What a page needs to know of a failed request. */
export interface PageError {
  /** The status of the response; 0 where there was none. */
  status: number;
  title?: string | undefined;
  /** About this occurrence, from the API. */
  detail?: string | null | undefined;
  traceId?: string | null | undefined;
  /** Seconds until the next attempt makes sense. */
  retryAfter?: number | null | undefined;
}

/** Each is a heading and a sentence. */
export const problemTexts = defineTexts(
  {
    offline: [
      '인터넷이 끊겼어요',
      '연결되면 다시 불러올 수 있어요. 보던 것은 그대로 볼 수 있어요.',
    ],
    signedOut: ['로그아웃됐어요', '오래 쓰지 않아 로그아웃됐어요. 쓰던 내용은 그대로 있어요.'],
    forbidden: ['볼 수 없는 화면이에요', '내가 맡은 것이 아니거나 주소가 달라요.'],
    missing: ['찾는 화면이 없어요', '주소가 바뀌었거나 지워진 화면이에요.'],
    changed: ['그사이 바뀌었어요', '다시 불러오면 지금 상태가 보여요.'],
    tooOften: '여러 번 요청했어요',
    waitMinutes: (minutes: number) => `${formatNumber(minutes)}분 뒤에 다시 할 수 있어요.`,
    waitSeconds: (seconds: number) => `${formatNumber(seconds)}초 뒤에 다시 할 수 있어요.`,
    waitABit: '조금 뒤에 다시 해 주세요.',
    notLoaded: (what: string) => `${withParticle(what, '을/를')} 불러오지 못했어요`,
    notLoadedAtAll: '불러오지 못했어요',
    ours: '저희 쪽 문제예요. 조금 뒤에 다시 해 주세요.',
  },
  {
    offline: ['You are offline', 'You can load this again once you are connected.'],
    signedOut: ['You were signed out', 'You were away for long. What you typed is still here.'],
    forbidden: ['You cannot see this page', 'It is not yours, or the address is wrong.'],
    missing: ['There is no such page', 'The address changed, or the page was removed.'],
    changed: ['It changed meanwhile', 'Load it again to see its present state.'],
    tooOften: 'Too many requests',
    waitMinutes: (minutes) => `You can try again in ${minutes} min.`,
    waitSeconds: (seconds) => `You can try again in ${seconds} s.`,
    waitABit: 'Try again a little later.',
    notLoaded: (what) => `Could not load: ${what}`,
    notLoadedAtAll: 'Could not load this',
    ours: 'This is our fault. Try again a little later.',
  },
);

/** The heading and the sentence for an error. `what` is what was loaded, as 「사업」. */
export function describeProblem(
  error: PageError,
  t: (typeof problemTexts)['ko'],
  what?: string,
): { title: string; text: string } {
  const pair = ([title = '', text = '']: readonly string[]) => ({ title, text });
  switch (error.status) {
    case 0:
      return pair(t.offline);
    case 401:
      return pair(t.signedOut);
    case 403:
      return pair(t.forbidden);
    case 404:
    case 410:
      return pair(t.missing);
    case 409:
    case 412:
      return pair(t.changed);
    case 429: {
      const wait = error.retryAfter;
      if (!wait) return { title: t.tooOften, text: t.waitABit };
      const text = wait < 60 ? t.waitSeconds(wait) : t.waitMinutes(Math.ceil(wait / 60));
      return { title: t.tooOften, text };
    }
    default: {
      const title = what ? t.notLoaded(what) : t.notLoadedAtAll;
      const isOurs = error.status >= 500;
      return { title, text: isOurs ? t.ours : (error.detail ?? error.title ?? t.waitABit) };
    }
  }
}
