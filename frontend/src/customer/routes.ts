import type { RouteRecordRaw } from 'vue-router';

const onlyCustomers = { roles: ['customer'] } as const;

export const customerRoutes: RouteRecordRaw = {
  path: '/customer',
  component: () => import('./CustomerShell.vue'),
  children: [
    // Programmes are public.
    { path: '', component: () => import('./programmes/ProgrammeList.vue') },
    { path: 'projects/:id', component: () => import('./programmes/ProgrammeDetail.vue') },
    {
      path: 'projects/:id/consultation',
      component: () => import('./consultations/RequestConsultation.vue'),
      meta: onlyCustomers,
    },
    {
      path: 'interests',
      component: () => import('./interests/Interests.vue'),
      meta: onlyCustomers,
    },
    {
      path: 'consultations',
      component: () => import('./consultations/Consultations.vue'),
      meta: onlyCustomers,
    },
    {
      path: 'consultations/:id/edit',
      component: () => import('./consultations/EditConsultation.vue'),
      meta: onlyCustomers,
    },
    {
      path: 'notifications',
      component: () => import('./notifications/Notifications.vue'),
      meta: onlyCustomers,
    },
    { path: 'me', component: () => import('./me/Me.vue'), meta: onlyCustomers },
  ],
};
