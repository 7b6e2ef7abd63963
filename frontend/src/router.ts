import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router';
import type { Role } from '@/api/types';
import { clearMarks } from '@/live/marks';
import { customerRoutes } from '@/customer/routes';
import { salesmanRoutes } from '@/salesman/routes';
import { loadSession, role } from '@/session/session';
import { shellTexts } from '@/shell/texts';
import { staffRoutes } from '@/staff/routes';
import { language } from '@/texts/texts';

declare module 'vue-router' {
  interface RouteMeta {
    /** Who may see the view. Absent: everybody. */
    roles?: readonly Role[];
    /** What the view is called in the title of the page, in the present language. */
    title?: () => string;
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/', component: () => import('@/landing/Landing.vue') },
  {
    path: '/sign-in',
    component: () => import('@/session/SignInByCode.vue'),
    meta: { title: () => shellTexts[language.value].signIn },
  },
  {
    path: '/sign-in/work',
    component: () => import('@/session/SignInByPassword.vue'),
    meta: { title: () => shellTexts[language.value].signIn },
  },
  {
    path: '/set-password',
    component: () => import('@/session/SetPassword.vue'),
    meta: { title: () => shellTexts[language.value].signIn },
  },
  { path: '/forbidden', component: () => import('@/shell/Forbidden.vue') },
  customerRoutes,
  salesmanRoutes,
  staffRoutes,
  { path: '/:path(.*)*', name: 'not-found', component: () => import('@/shell/NotFound.vue') },
];

/** Where a person of this role begins. */
export function homeOf(of: Role | undefined): string {
  if (of === 'staff') return '/staff';
  if (of === 'salesman' || of === 'consultant') return '/salesman';
  return '/customer';
}

/** The address of the sign-in that leads back to `path`. */
export function signInPath(roles: readonly Role[], path: string): string {
  const page = roles.includes('customer') ? '/sign-in' : '/sign-in/work';
  return `${page}?next=${encodeURIComponent(path)}`;
}

/** Where to go after a sign-in: a path of this site only, never another site. */
export function nextPath(next: unknown, home: string): string {
  const isPath = typeof next === 'string' && /^\/(?![/\\])/u.test(next);
  return isPath && !next.startsWith('/sign-in') ? next : home;
}

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => {
    if (saved) return saved;
    // A filter changes the query only, and keeps the place.
    return to.path === from.path ? false : { top: 0 };
  },
});

router.beforeEach(async (to) => {
  await loadSession().catch(() => undefined);
  const { roles } = to.meta;
  if (!roles) return true;
  if (role.value === undefined) return signInPath(roles, to.fullPath);
  if (roles.includes(role.value)) return true;
  return { path: '/forbidden', query: { from: to.fullPath }, replace: true };
});

router.afterEach((to, from) => {
  if (to.path !== from.path) clearMarks();
});

/** The moment of the last reload for a missing chunk, across the reload. */
const RELOADED = 'ktgg-reloaded-at';

// A new version was deployed while the page was open, and the chunk of the view is gone. One reload
// fetches the new index.html. A second failure soon after it is another fault.
router.onError((error: unknown, to) => {
  const isChunk =
    error instanceof Error &&
    /dynamically imported module|Importing a module script|Unable to preload/iu.test(error.message);
  if (!isChunk) return;
  const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - last < 10_000) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.assign(to.fullPath);
});
