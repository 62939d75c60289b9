import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Navigate, Route, Routes, useLocation, useParams } from "react-router";

import { sessionQuery } from "@/api/queries";
import { ProblemNotice } from "@/components/Notice";
import { LoginPage } from "@/login/LoginPage";
import { OverviewPage } from "@/overview/OverviewPage";
import { NotFound } from "@/shell/NotFound";
import { Shell } from "@/shell/Shell";

import classes from "./App.module.css";

export function App() {
  const { data, error, refetch } = useQuery(sessionQuery());
  if (!data) {
    return error ? (
      <main className={classes.alone}>
        <ProblemNotice error={error} onRetry={() => void refetch()} />
      </main>
    ) : null;
  }
  return (
    <Routes>
      <Route path="/login" element={<LoginPage />} />
      <Route path="/quality/:pipeline" element={<DataDocs />} />
      <Route element={data.user ? <Shell /> : <ToLogin />}>
        <Route index element={<OverviewPage />} />
        <Route path="*" element={<NotFound />} />
      </Route>
    </Routes>
  );
}

/** A page that the control plane makes: after the login it has to be asked for, which the router would not do. */
function DataDocs() {
  const { pipeline = "" } = useParams();
  useEffect(() => {
    location.replace(`/quality/${encodeURIComponent(pipeline)}/`);
  }, [pipeline]);
  return null;
}

/** To the login, and back here after it. */
function ToLogin() {
  const { pathname, search, hash } = useLocation();
  const here = pathname + search + hash;
  return <Navigate to={here === "/" ? "/login" : `/login?${new URLSearchParams({ next: here })}`} replace />;
}
